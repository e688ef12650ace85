import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assertConserved } from '../integration/proxy-support.ts'
import { fileCleanup } from '../support/file-cleanup.ts'
import { frontingName, OutageBed, type OutageTopic } from '../support/outage-bed.ts'
import { fullLength } from '../support/outage-length.ts'
import { scrape, sumOf } from '../support/outage-scraper.ts'
import { SpreadLoad } from '../support/outage-spread-load.ts'
import { uniqueTopic } from '../support/topics.ts'
import { waitFor } from '../support/wait-for.ts'

const topicCount = fullLength ? 1000 : 100
const busiest = 100
/** "What it must show", in the median of the runs; here for each run, with the machine's other work in mind. */
const limits = { busiestSeconds: fullLength ? 6 : 12, allSeconds: 20 }

test(`F10: the cluster dies with ${topicCount} topics of 4 partitions, over to a standby of one broker: the busiest flow first`, {
  timeout: fullLength ? 900_000 : 230_000,
}, async (context) => {
  const names = Array.from({ length: topicCount }, () => uniqueTopic('fault-f10m'))
  // Every tenth is durable: some of the busiest too.
  const topics = Object.fromEntries(
    names.map((name, index): [string, OutageTopic] => [
      name,
      { delivery: index % 10 === 3 ? 'durable' : 'fast', partitions: 4 },
    ]),
  )
  const bed = await OutageBed.start(fileCleanup(), { topics, proxies: fullLength ? 3 : 2 })
  const requestsPerSecond = fullLength ? 1000 : 200
  const load = new SpreadLoad({
    urls: bed.proxies.map(({ url }) => url),
    ...{ topics: names, requestsPerSecond, eventsPerRequest: 10, eventBytes: 300 },
  })
  context.after(() => load.abort())
  await waitFor(() => load.topics.every(({ requests }) => requests.some(({ fate }) => fate === 'accepted')), {
    describe: 'every topic to be accepted',
    timeoutMs: 60_000,
    state: () => bed.logs,
  })
  // The control plane learns which are busy.
  await new Promise((resolve) => setTimeout(resolve, fullLength ? 30_000 : 8000))
  bed.ledger.watch(new Map(load.topics.map(({ run, next }) => [run, next])))
  const faultMs = performance.now()
  await bed.fronting?.kill()
  const flowing = (count: number) =>
    load.topics.slice(0, count).every(({ run }) => bed.ledger.firstSeenMs.has(run))
  await waitFor(() => flowing(topicCount), {
    describe: 'every topic to flow over the standby',
    timeoutMs: 90_000,
    state: () => [load.topics.filter(({ run }) => !bed.ledger.firstSeenMs.has(run)).length, bed.logs],
  })
  const times = load.topics.map(({ run }) => ((bed.ledger.firstSeenMs.get(run) ?? faultMs) - faultMs) / 1000)
  const busy = Math.max(...times.slice(0, busiest))
  const all = Math.max(...times)
  context.diagnostic(`the ${busiest} busiest flow after, s: ${busy}; all ${topicCount} after, s: ${all}`)
  await bed.fronting?.heal()
  const { status, body } = await bed.control.begin('failbacks', frontingName)
  assert.ok(status < 300, JSON.stringify(body))
  assert.equal((await bed.control.ended('failbacks', body.id, 300_000)).state, 'done')
  await load.stop()
  for (const { url } of bed.running) {
    await waitFor(async () => sumOf(await scrape(url), 'forebay_events_in_flight') === 0, {
      describe: 'nothing in flight',
      timeoutMs: 60_000,
    })
    assertConserved(await scrape(url))
  }
  const durable = load.topics.filter(({ topic }) => topics[topic]?.delivery === 'durable')
  await waitFor(() => bed.ledger.missing(durable) === 0, {
    describe: 'every accepted durable event at the readers',
    timeoutMs: 60_000,
    state: () => bed.ledger.missing(durable),
  })
  context.diagnostic(`missing of fast topics: ${bed.ledger.missing(load.topics)} events`)
  const words = load.topics.flatMap(({ requests }) =>
    requests.filter(({ fate }) => fate !== 'accepted').map(({ status: code, reason }) => `${code} ${reason}`),
  )
  assert.deepEqual([...new Set(words)], [], `${words.length} requests were turned down\n${bed.logs}`)
  assert.ok(busy <= limits.busiestSeconds, `the busiest flowed after ${busy} s\n${bed.logs}`)
  assert.ok(all <= limits.allSeconds, `all flowed after ${all} s\n${bed.logs}`)
})
