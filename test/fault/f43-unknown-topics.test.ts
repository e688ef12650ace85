import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { Pool } from 'undici'
import { assertConserved, placementOf, readMetrics, startProxy } from '../integration/proxy-support.ts'
import { placedTopic } from '../support/placed-topic.ts'

/** Posts to so many topics that nobody knows, and gives the status codes. */
async function postToNowhere(pool: Pool, requests: number): Promise<Map<number, number>> {
  const statuses = new Map<number, number>()
  let left = requests
  const worker = async () => {
    while (left > 0) {
      left -= 1
      const path = `/v1/topics/${randomBytes(8).toString('hex')}.${randomBytes(20).toString('base64url')}/events`
      const headers = { 'content-type': 'application/json' }
      const { statusCode, body } = await pool.request({ method: 'POST', path, headers, body: '{"a":1}' })
      await body.dump()
      statuses.set(statusCode, (statuses.get(statusCode) ?? 0) + 1)
    }
  }
  await Promise.all(Array.from({ length: 16 }, worker))
  return statuses
}

test('F43: ten thousand topics posted to at random: 404 each, no memory growth, no metric growth', async (context) => {
  // No broker is needed: nothing may get that far.
  const proxy = await startProxy(context, placementOf(['127.0.0.1:1'], [placedTopic('a.known')]), [
    ...['--log-level', 'fatal', '--drain-grace', '0s', '--drain-timeout', '1s'],
  ])
  const pool = new Pool(proxy.url, { connections: 16 })
  context.after(() => pool.close())
  assert.deepEqual([...(await postToNowhere(pool, 5000))], [[404, 5000]])
  const before = await readMetrics(proxy)
  assert.deepEqual([...(await postToNowhere(pool, 10_000))], [[404, 10_000]])
  const after = await readMetrics(proxy)
  const ours = (samples: ReadonlyMap<string, number>) =>
    [...samples.keys()].filter((key) => key.startsWith('forebay_'))
  assert.deepEqual(ours(after), ours(before))
  assert.equal(after.get('forebay_requests_refused_total{reason="unknown-topic",topic="_unknown"}'), 15_000)
  assertConserved(after)
  const rss = 'process_resident_memory_bytes'
  const growth = (after.get(rss) ?? Number.NaN) - (before.get(rss) ?? Number.NaN)
  assert.ok(growth < 24 * 2 ** 20, `RSS grew by ${growth} bytes over 10,000 requests`)
})
