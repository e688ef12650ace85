import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Kafka, logLevel } from 'kafkajs'
import { FaultBed, full, longOnly, nowMs } from '../support/fault-bed.ts'
import { ProxySampler } from '../support/fault-sampler.ts'
import { activeController, controllerIds, splitCluster } from '../support/fault-split-cluster.ts'
import { waitFor } from '../support/wait-for.ts'

const lost = 3
const judgedMs = full ? 10_000 : 4000

/** What readers can read of a topic: the sum of its high watermarks. */
async function readable(bootstrap: readonly string[], topic: string): Promise<number> {
  const kafka = new Kafka({ clientId: 'fault-ends', brokers: [...bootstrap], logLevel: logLevel.NOTHING })
  const admin = kafka.admin()
  await admin.connect()
  try {
    const ends = await admin.fetchTopicOffsets(topic)
    return ends.reduce((sum, { high }) => sum + Number(high), 0)
  } finally {
    await admin.disconnect()
  }
}

test('F08: the active controller is killed, then the quorum, then a broker too: data goes on, nothing is lost or doubled after healing', {
  timeout: 300_000,
  skip: longOnly,
}, async (context) => {
  const bed = await FaultBed.make(context, {
    cluster: splitCluster,
    topics: { fast: {}, durable: { delivery: 'durable' } },
    // Led by those that stay, followed by the one that will be lost: without a controller it cannot be left out of the ISR.
    assignments: { fast: [1, 2, 1, 2, 1, 2].map((leader) => [leader, lost]) },
  })
  const { cluster } = bed
  const { bootstrap } = cluster
  const [fast, durable] = await Promise.all([
    bed.load('fast'),
    bed.load('durable', { requestsPerSecond: 5, connections: 128 }),
  ])
  const sampler = new ProxySampler(bed.proxy, bed.topic('fast'))
  /** Nobody is refused, and what comes is delivered, while the clock runs. */
  const goesOn = async (what: string) => {
    const fromMs = nowMs()
    await bed.during(judgedMs)
    const toMs = nowMs()
    for (const load of [fast, durable]) {
      const failed = load.between(fromMs, toMs - 1000).filter(({ fate }) => fate !== 'accepted')
      assert.deepEqual(failed, [], `${what}: requests failed\n${bed.log}`)
    }
    const { delivered, received } = sampler.between(fromMs, toMs)
    assert.ok(delivered >= 0.8 * received && received > 0, `${what}: ${delivered} of ${received}\n${bed.log}`)
  }

  const active = await activeController(bootstrap)
  assert.ok(active !== undefined && controllerIds.some((id) => id === active), `${active} leads the quorum`)
  await cluster.kill(active)
  const killedMs = nowMs()
  const elected = waitFor(() => activeController(bootstrap), { describe: 'another active controller' })
  const electedMs = elected.then(() => nowMs())
  await goesOn('without the active controller')
  const next = await elected
  assert.notEqual(next, active)
  bed.note('another controller is active after, s', ((await electedMs) - killedMs) / 1000)

  await cluster.kill(next)
  assert.equal(await activeController(bootstrap), undefined, 'one of three controllers is no quorum')
  await goesOn('without a quorum')

  const injectedMs = nowMs()
  await cluster.kill(lost)
  const injectionEndedMs = nowMs()
  await bed.during(1500)
  const readableBefore = await readable(bootstrap, bed.topic('fast'))
  const fromMs = nowMs()
  // Beyond the time limit of durable requests.
  await bed.during(20_000)
  const toMs = nowMs()
  const readableAfter = await readable(bootstrap, bed.topic('fast'))
  const { delivered, received } = sampler.between(fromMs, toMs)
  bed.note('without a quorum and a broker: fast events delivered', delivered)
  bed.note('of them readable before healing', readableAfter - readableBefore)
  assert.ok(delivered >= 0.8 * received && received > 0, `fast: ${delivered} of ${received}\n${bed.log}`)
  assert.equal(readableAfter, readableBefore, 'the high watermark moved without a follower')
  const unanswered = durable.between(injectedMs + 2000, toMs - 16_000)
  assert.ok(unanswered.length > 0)
  assert.deepEqual(
    unanswered.filter(({ status, reason }) => status !== 503 || reason !== 'ack-timeout'),
    [],
    'durable requests without a quorum are neither delivered nor refused',
  )

  await sampler.stop()
  const metrics = await bed.settle()
  assert.ok(await activeController(bootstrap))
  assert.deepEqual(
    fast.requests.filter(({ fate }) => fate !== 'accepted'),
    [],
  )
  const { duplicates } = await bed.assertLostOnlyUnreplicated(metrics, 'fast', injectedMs, injectionEndedMs)
  const verdict = await bed.assertNothingLost(metrics, 'durable')
  bed.note('durable events of answers 503 unknown', verdict.unknown)
  bed.note('of them there after healing', verdict.unknownArrived)
  bed.note('duplicates, fast', duplicates)
})
