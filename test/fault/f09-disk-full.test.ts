import assert from 'node:assert/strict'
import { mkdirSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { FaultBed, full, longOnly, nowMs } from '../support/fault-bed.ts'
import { type OwnedFaultCluster, startFaultCluster } from '../support/fault-brokers.ts'
import { ProxySampler } from '../support/fault-sampler.ts'
import { SmallDisk } from '../support/fault-small-disk.ts'
import { waitFor } from '../support/wait-for.ts'

const small = 2
const quietMs = 4000
const outageMs = full ? 30_000 : 6000

test('F09: a broker has no disk left: it is taken for failed, traffic goes round it, nobody storms it', {
  timeout: 300_000,
  skip: longOnly,
}, async (context) => {
  const disk = SmallDisk.mount(context, 96 * 2 ** 20)
  if (disk === undefined) {
    context.skip('F09: this user may not mount a file system')
    return
  }
  let own: OwnedFaultCluster | undefined
  const bed = await FaultBed.make(context, {
    cluster: async (owner) => {
      own = await startFaultCluster(owner, {
        prepare: (directory) => {
          mkdirSync(join(directory, `broker-${small}`), { recursive: true })
          symlinkSync(disk.folder, join(directory, `broker-${small}`, 'data'))
        },
      })
      return own
    },
    topics: { fast: {}, durable: { delivery: 'durable' } },
  })
  assert.ok(own !== undefined)
  const { proxies, kafka } = own
  const [fast, durable] = await Promise.all([bed.load('fast'), bed.load('durable', { requestsPerSecond: 5 })])
  const sampler = new ProxySampler(bed.proxy, bed.topic('fast'))
  /** Of our proxy mostly: brokers talk to each other elsewhere. A second, for the whole cluster and for the broker. */
  const rates = async (ms: number) => {
    const count = () => ({
      requests: proxies.reduce((sum, { requests }) => sum + requests, 0),
      connections: proxies[small - 1]?.connections ?? 0,
    })
    const [before, fromMs] = [count(), nowMs()]
    await bed.during(ms)
    const [after, seconds] = [count(), (nowMs() - fromMs) / 1000]
    return {
      requests: (after.requests - before.requests) / seconds,
      connections: (after.connections - before.connections) / seconds,
    }
  }
  const quiet = await rates(quietMs)
  const injectedMs = nowMs()
  disk.fill()
  await waitFor(() => kafka.brokers[small - 1]?.state === 'failed', {
    describe: 'the broker to give up',
    timeoutMs: 60_000,
    state: () => kafka.logTail(small),
  })
  const haltedMs = nowMs()
  bed.note('the broker gave up after, s', (haltedMs - injectedMs) / 1000)
  const outage = await rates(outageMs)
  const endedMs = nowMs()
  bed.note('requests to all brokers a second, well', quiet.requests)
  bed.note('requests to all brokers a second, without it', outage.requests)
  bed.note('connections to it a second', outage.connections)
  const { delivered, received } = sampler.between(haltedMs + 1000, endedMs)
  disk.empty()
  await sampler.stop()
  const metrics = await bed.settle()
  for (const load of [fast, durable]) {
    const failed = load.requests.filter(({ fate }) => fate !== 'accepted')
    assert.deepEqual(failed, [], `requests failed\n${bed.log}`)
  }
  assert.ok(received > 0 && delivered >= received / 2, `${delivered} of ${received} delivered\n${bed.log}`)
  assert.ok(outage.requests <= 2 * quiet.requests + 20, `${outage.requests} requests a second`)
  // Two lanes, each left alone for up to 3 s, and metadata.
  assert.ok(outage.connections <= 10, `${outage.connections} connections a second`)
  await bed.assertLostOnlyUnreplicated(metrics, 'fast', injectedMs, haltedMs)
  await bed.assertNothingLost(metrics, 'durable')
})
