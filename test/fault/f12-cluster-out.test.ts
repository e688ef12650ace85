import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { readMetrics } from '../integration/proxy-support.ts'
import { builtLauncher } from '../support/built.ts'
import { FaultBed, full, longOnly, nowMs } from '../support/fault-bed.ts'
import { brokerIds, wholeClusterOutages } from '../support/fault-brokers.ts'
import { LivezProbe } from '../support/fault-livez-probe.ts'
import type { FaultLoad } from '../support/fault-load.ts'
import { residentBytes } from '../support/fault-memory.ts'
import { fromSent, windowedP99Ms } from '../support/fault-quantiles.ts'
import { ProxySampler } from '../support/fault-sampler.ts'
import { waitFor } from '../support/wait-for.ts'

const capBytes = 16 * 2 ** 20
/** Several, as one may hold no more than its share of the cap. */
const fastTopics = ['one', 'two', 'three', 'four']
const refusalMs = 5

for (const { outage, does, inject, end } of wholeClusterOutages) {
  test(`F12: the cluster ${does}, without a standby: the buffer fills to its cap, refuses by name, heals by itself`, {
    timeout: 300_000,
    skip: outage === 'killed' ? longOnly : false,
  }, async (context) => {
    const bed = await FaultBed.make(context, {
      topics: { one: {}, two: {}, three: {}, four: {}, durable: { delivery: 'durable' } },
      // A batch is what a topic may fall short of its share by, four of them of the cap: the usual ones would be 6 % of it.
      proxyArgs: ['--max-buffer', '16MiB', '--batch-bytes', '64KiB'],
      proxyProcess: { program: builtLauncher(context) },
    })
    const filling = { requestsPerSecond: 12, eventsPerRequest: 100, eventBytes: 500, connections: 8 }
    const fillers = await Promise.all(fastTopics.map((name) => bed.load(name, filling)))
    const sampler = new ProxySampler(bed.proxy, bed.topic('one'))
    await bed.during(1000)
    const injectedMs = nowMs()
    for (const id of brokerIds) await inject(bed.cluster, id)
    const injectionEndedMs = nowMs()
    await waitFor(() => fillers.every(({ requests }) => requests.at(-1)?.fate === 'refused'), {
      describe: 'every topic to be refused',
      timeoutMs: 60_000,
      state: () => ({ last: fillers.map(({ requests }) => requests.slice(-3)), log: bed.log }),
    })
    await Promise.all(fillers.map((load) => load.stop()))
    // Small ones, at a rate that leaves the cores to the proxy; the first few still find room.
    const asking = { requestsPerSecond: 25, eventsPerRequest: 1, eventBytes: 500 }
    const fast: FaultLoad[] = []
    for (const name of fastTopics) {
      fast.push(bed.startLoad(name, asking))
      // One after the other, as clients come: four that always ask in the same millisecond wait for each other.
      await bed.during(13)
    }
    // It meets a full buffer, or waits for acks in vain. Before, its little bytes would take a share of the cap from the others.
    const durable = bed.startLoad('durable', { requestsPerSecond: 2, eventsPerRequest: 10 })
    await waitFor(() => fast.every(({ requests }) => requests.at(-1)?.fate === 'refused'), {
      describe: 'small requests to be refused too',
      timeoutMs: 30_000,
      state: () => fast.map(({ requests }) => requests.slice(-3)),
    })
    // It scrapes all metrics four times a second, which nobody does in earnest; a scrape holds up whoever comes in the middle of it.
    await sampler.stop()
    await assertRefusedCheaply(context, bed, fast)
    const buffered = sampler.most(({ bufferBytes }) => bufferBytes)
    bed.note('buffered at most, % of the cap', (100 * buffered) / capBytes)
    assert.ok(buffered > 0.95 * capBytes && buffered <= capBytes, `${buffered} bytes were buffered`)
    const { peak } = residentBytes(bed.proxy.process.pid)
    context.diagnostic(`resident at most ${Math.round(peak / 2 ** 20)} MiB`)
    assert.ok(peak <= capBytes + 150 * 2 ** 20, `memory reached ${peak} bytes`)

    const endedMs = nowMs()
    await end(bed.cluster)
    // The load still runs: it is taken again without anybody's help.
    const again = await waitFor(
      () => fast[0]?.requests.find(({ dueMs, fate }) => dueMs > endedMs + 100 && fate === 'accepted'),
      { describe: 'events to be taken again', timeoutMs: 60_000, state: () => bed.log },
    )
    bed.note('taken again after, s', (again.endMs - endedMs) / 1000)
    await bed.during(1000)
    const metrics = await bed.settle()
    const answers = [...fillers, ...fast]
      .flatMap(({ requests }) => requests)
      .filter(({ fate }) => fate !== 'accepted')
    const reasons = new Set(answers.map(({ status, reason }) => `${status} ${reason}`))
    assert.deepEqual([...reasons], ['429 buffer-full'])
    for (const name of fastTopics)
      await bed.assertLostOnlyUnreplicated(metrics, name, injectedMs, injectionEndedMs)
    await bed.assertNothingLost(metrics, 'durable')
    const named = durable.requests.filter(({ fate }) => fate !== 'accepted')
    for (const { status, reason } of named)
      assert.match(`${status} ${reason}`, /^(503 ack-timeout|429 buffer-full)$/)
  })
}

/**
 * At most 5 ms at p99 from the write of the request; on a machine that is busy with something
 * else, no more than half as long again as the cheapest answer of all takes at the same time.
 */
async function assertRefusedCheaply(
  context: TestContext,
  bed: FaultBed,
  loads: readonly FaultLoad[],
): Promise<void> {
  const before = await readMetrics(bed.proxy)
  const probe = new LivezProbe(bed.proxy.url, 100)
  const fromMs = nowMs()
  await bed.during(full ? 20_000 : 6000)
  const toMs = nowMs()
  await probe.stop()
  const after = await readMetrics(bed.proxy)
  const refused = loads.flatMap((load) => load.between(fromMs, toMs).filter(({ fate }) => fate === 'refused'))
  const p99Ms = windowedP99Ms(refused, fromSent)
  const probeMs = windowedP99Ms(probe.answers, fromSent)
  const counted = (label: string) => {
    const key = `forebay_http_request_duration_seconds_${label}family="native",status="429"}`
    return (after.get(key) ?? 0) - (before.get(key) ?? 0)
  }
  bed.note('refusals, p99 ms', p99Ms)
  bed.note('answers to /livez beside them, p99 ms', probeMs)
  bed.note(
    "refusals within 5 ms by the proxy's own clock, %",
    (100 * counted('bucket{le="0.005",')) / counted('count{'),
  )
  context.diagnostic(`${refused.length} refusals`)
  assert.ok(refused.length >= 100, `only ${refused.length} requests were refused`)
  assert.ok(
    p99Ms <= Math.max(refusalMs, 1.5 * probeMs),
    `p99 of refusals ${p99Ms} ms, of /livez ${probeMs} ms`,
  )
}
