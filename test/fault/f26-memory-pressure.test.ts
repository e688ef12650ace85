import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FaultBed, full, longOnly, nowMs } from '../support/fault-bed.ts'
import { brokerIds } from '../support/fault-brokers.ts'
import { memoryCgroup, residentBytes } from '../support/fault-memory.ts'
import type { StartOptions } from '../support/process.ts'
import { waitFor } from '../support/wait-for.ts'

const capBytes = 64 * 2 ** 20
const fixedBytes = 150 * 2 ** 20
const topics = { fast: {}, durable: { delivery: 'durable' } } as const

/** All brokers hang or die, the load goes on far beyond the cap, then everything heals. */
async function underPressure(
  context: Parameters<typeof FaultBed.make>[0],
  how: 'pause' | 'kill',
  proxyProcess: StartOptions,
): Promise<void> {
  const bed = await FaultBed.make(context, { topics, proxyArgs: ['--max-buffer', '64MiB'], proxyProcess })
  const load = { requestsPerSecond: 40, eventsPerRequest: 100, eventBytes: 1000 }
  const fast = await bed.load('fast', load)
  await bed.load('durable', { requestsPerSecond: 5, eventsPerRequest: 20 })
  const injectedMs = nowMs()
  for (const id of brokerIds) await bed.cluster[how](id)
  const injectionEndedMs = nowMs()
  await waitFor(() => fast.requests.some(({ reason }) => reason === 'buffer-full'), {
    describe: 'a refusal',
    timeoutMs: 90_000,
    state: () => ({ last: fast.requests.slice(-3), log: bed.log }),
  })
  await bed.during(full ? 30_000 : 5000)
  assert.ok(bed.proxy.process.running, bed.log)
  const { peak } = residentBytes(bed.proxy.process.pid)
  context.diagnostic(`the proxy's memory reached ${Math.round(peak / 2 ** 20)} MiB with a cap of 64 MiB`)
  const metrics = await bed.settle()
  assert.ok(peak <= capBytes + fixedBytes, `the proxy's memory reached ${peak} bytes`)
  await bed.assertLostOnlyUnreplicated(metrics, 'fast', injectedMs, injectionEndedMs)
  await bed.assertNothingLost(metrics, 'durable')
}

for (const [how, are] of [
  ['pause', 'hung'],
  ['kill', 'dead'],
] as const) {
  test(`F26: all clusters are ${are} and the heap is small: refuses before it dies, memory within cap + 150 MiB`, {
    timeout: 300_000,
    skip: how === 'kill' ? longOnly : false,
  }, async (context) => {
    await underPressure(context, how, { env: { NODE_OPTIONS: '--max-old-space-size=64' } })
  })
}

test('F26: all clusters are down in a cgroup of cap + 150 MiB: refuses before it dies', {
  timeout: 300_000,
}, async (context) => {
  const group = memoryCgroup(capBytes + fixedBytes)
  if (group === undefined) {
    context.skip('F26: no memory cgroup can be made here')
    return
  }
  await underPressure(context, 'pause', { under: group.under })
  assert.equal(group.killedByLimit(), 0)
  // Registered last, so it runs when the proxy is gone.
  context.after(group.remove)
})
