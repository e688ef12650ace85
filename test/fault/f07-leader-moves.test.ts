import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FaultBed, full, nowMs } from '../support/fault-bed.ts'
import { brokerIds } from '../support/fault-brokers.ts'
import { KeyedLoad, keyOrder } from '../support/fault-keyed-load.ts'
import { LeaderMoves } from '../support/fault-leader-moves.ts'
import { readAll } from '../support/independent-reader.ts'

const rounds = full ? 10 : 1
const betweenMs = 1500
const names = ['fast', 'durable', 'keyedFast', 'keyedDurable'] as const

test(`F07: leaders move mid-batch, ${rounds} times by election and by reassignment: nothing is refused, durable loses nothing, fast only in the moment of a move, order per key holds`, {
  timeout: 300_000,
}, async (context) => {
  const bed = await FaultBed.make(context, {
    topics: {
      fast: {},
      durable: { delivery: 'durable' },
      keyedFast: {},
      keyedDurable: { delivery: 'durable' },
    },
    // Two replicas of three brokers: there is always a broker that a partition can go to.
    assignments: Object.fromEntries(
      names.map((name) => [name, [1, 2, 3, 1, 2, 3].map((leader) => [leader, (leader % 3) + 1])]),
    ),
  })
  const moves = await LeaderMoves.connect(context, bed.cluster.bootstrap)
  const [fast, durable] = await Promise.all([
    bed.load('fast'),
    bed.load('durable', { requestsPerSecond: 10 }),
  ])
  const keyed = (['keyedFast', 'keyedDurable'] as const).map(
    (name) => new KeyedLoad({ url: bed.proxy.url, topic: bed.topic(name), keys: 16 }),
  )
  for (const load of keyed) bed.judgeToo(load)
  const windows: [fromMs: number, toMs: number][] = []
  let moved = 0
  for (let round = 0; round < rounds; round += 1) {
    for (const how of ['elect', 'reassign'] as const) {
      await bed.during(betweenMs)
      const fromMs = nowMs()
      const counts = await Promise.all(names.map((name) => moves[how](bed.topic(name), brokerIds)))
      moved += counts.reduce((sum, count) => sum + count, 0)
      windows.push([fromMs, nowMs()])
    }
  }
  await bed.during(betweenMs)
  await Promise.all(keyed.map((load) => load.stop()))
  const metrics = await bed.settle()
  bed.note('partitions that got another leader', moved)
  for (const { requests } of [fast, durable, ...keyed]) {
    const failed = requests.filter(({ fate }) => fate !== 'accepted')
    assert.deepEqual(failed, [], `requests failed\n${bed.log}`)
  }
  for (const name of ['durable', 'keyedDurable']) await bed.assertNothingLost(metrics, name)
  // acks=1: until a deposed leader hears of it, it acknowledges what it then truncates. Kafka gives no way to see that before.
  for (const name of ['fast', 'keyedFast']) {
    const verdict = await bed.verdict(name)
    bed.assertDuplicates(metrics, name, verdict)
    bed.note(`${name}: events that a deposed leader had acknowledged and then truncated`, verdict.lost)
    const outside = verdict.lossAtMs.filter(
      (ms) => !windows.some(([fromMs, toMs]) => ms > fromMs - 250 && ms < toMs + 250),
    )
    assert.deepEqual(outside, [], `${name}: lost while no leader moved\n${bed.log}`)
  }
  for (const name of ['keyedFast', 'keyedDurable']) {
    const order = keyOrder(await readAll(bed.cluster.bootstrap, bed.topic(name), { timeoutMs: 60_000 }))
    context.diagnostic(`${name}: ${JSON.stringify(order)}, resent ${bed.resent(metrics, name)}`)
    assert.equal(order.keys, 16)
    assert.equal(order.outOfOrder, 0, `${name}: order per key is broken`)
  }
})
