import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FaultBed, full, longOnly, nowMs } from '../support/fault-bed.ts'
import { type OwnedFaultCluster, startFaultCluster } from '../support/fault-brokers.ts'
import { GzipLoad } from '../support/fault-gzip-load.ts'
import { LivezProbe } from '../support/fault-livez-probe.ts'
import { fromSent, type Timed, windowedP99Ms } from '../support/fault-quantiles.ts'
import { FaultResolver } from '../support/fault-resolver.ts'
import { ProxySampler } from '../support/fault-sampler.ts'
import type { Cleanup } from '../support/temporary-folder.ts'
import { waitFor } from '../support/wait-for.ts'

const suffix = '.brokers.test'
const quietMs = 3000
const deadMs = full ? 30_000 : 10_000
/** For the lanes to notice that their connections are cut, and to make others. */
const reconnectMs = 3000

/** Clients are told to connect to names. */
function namedCluster(owner: Cleanup): Promise<OwnedFaultCluster> {
  return startFaultCluster(owner, {
    shape: (spec, index) => {
      const { advertised } = spec
      const host = `broker-${index + 1}${suffix}`
      return advertised === undefined ? spec : { ...spec, advertised: { ...advertised, host } }
    },
  })
}

function p99Ms(requests: readonly Timed[], fromMs: number, toMs: number): number {
  const inside = requests.filter(({ dueMs }) => dueMs >= fromMs && dueMs < toMs)
  return windowedP99Ms(inside, fromSent)
}

/** Milliseconds from now until more events are delivered than the connections of before may have taken. */
async function untilDeliveredAgain(bed: FaultBed, { samples }: ProxySampler): Promise<number> {
  const fromMs = nowMs()
  const delivered = () => samples.at(-1)?.delivered ?? 0
  const before = delivered()
  await waitFor(() => delivered() > before + 100, {
    describe: 'events to be delivered over new connections',
    timeoutMs: 60_000,
    state: () => bed.log,
  })
  return nowMs() - fromMs
}

test('F40: names of brokers cannot be resolved any more: known addresses go on, also for new connections, and the loop never blocks', {
  timeout: 300_000,
  skip: longOnly,
}, async (context) => {
  const resolver = await FaultResolver.start(context, suffix)
  if ('missing' in resolver) {
    context.skip(`F40: processes cannot be given a name server of their own: ${resolver.missing}`)
    return
  }
  let own: OwnedFaultCluster | undefined
  const bed = await FaultBed.make(context, {
    cluster: async (owner) => {
      own = await namedCluster(owner)
      return own
    },
    topics: { fast: {}, durable: { delivery: 'durable' }, zipped: {} },
    proxyProcess: { under: resolver.under },
  })
  const cut = () => {
    for (const proxy of own?.proxies ?? []) proxy.cut()
  }
  const [fast, durable] = await Promise.all([bed.load('fast'), bed.load('durable')])
  const zipped = new GzipLoad(bed.proxy.url, bed.topic('zipped'))
  bed.judgeToo(zipped)
  const livez = new LivezProbe(bed.proxy.url, 50)
  context.after(() => livez.stop())
  const sampler = new ProxySampler(bed.proxy, bed.topic('fast'))
  assert.ok(resolver.queries > 0, 'the proxy found its brokers without asking for their names')
  const quietFrom = nowMs()
  await bed.during(quietMs)
  const quietTo = nowMs()
  const wellMs = p99Ms(livez.answers, quietFrom, quietTo)
  bed.note('p99 of /livez, well, ms', wellMs)
  for (const state of ['hangs', 'refuses'] as const) {
    const deadFrom = nowMs()
    await resolver.set(state, suffix)
    await bed.during(1000)
    cut()
    await bed.during(reconnectMs)
    // Again, while the questions that were asked before are still unanswered.
    cut()
    const backMs = await untilDeliveredAgain(bed, sampler)
    bed.note(`the resolver ${state}: delivered again after the connections were cut, ms`, backMs)
    assert.ok(backMs < reconnectMs, `delivered again after ${backMs} ms`)
    await bed.during(deadMs - reconnectMs)
    const deadTo = nowMs()
    const livezMs = p99Ms(livez.answers, deadFrom, deadTo)
    bed.note(`p99 of /livez, the resolver ${state}, ms`, livezMs)
    assert.ok(livezMs <= Math.max(50, 3 * wellMs), `p99 of /livez ${wellMs} ms, then ${livezMs} ms`)
    const zippedMs = p99Ms(zipped.requests, deadFrom, deadTo)
    bed.note(`p99 of compressed bodies, the resolver ${state}, ms`, zippedMs)
    // A thread that waits for a name is gone for 10 s; what else the machine does falls on /livez too.
    assert.ok(zippedMs > 0 && zippedMs < 500 + 2 * livezMs, `compressed bodies took ${zippedMs} ms`)
    await resolver.set('well', suffix)
    await bed.during(2000)
  }
  await Promise.all([livez.stop(), zipped.stop(), sampler.stop()])
  const metrics = await bed.settle()
  for (const { requests } of [fast, durable, zipped]) {
    const failed = requests.filter(({ fate }) => fate !== 'accepted')
    assert.deepEqual(failed, [], `requests failed\n${bed.log}`)
  }
  bed.note('names asked for', resolver.queries)
  for (const name of ['fast', 'durable', 'zipped']) await bed.assertNothingLost(metrics, name)
})
