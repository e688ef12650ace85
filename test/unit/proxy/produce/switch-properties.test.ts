import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import fc from 'fast-check'
import { partitionForKey } from '../../../../src/kafka/key-partition.ts'
import { type ClusterName, SwitchRig } from './switch-rig.ts'

const keys = ['k1', 'k2', 'k3'] as const
type Step =
  | { readonly do: 'send'; readonly key: (typeof keys)[number] | undefined; readonly count: number }
  | { readonly do: 'place'; readonly cluster: ClusterName }
  /** What becomes of one request that the cluster holds, if it holds any. */
  | {
      readonly do: 'settle'
      readonly cluster: ClusterName
      readonly how: 'ack' | 'cut' | 'cut-written' | 'refuse' | 'seal'
    }
  | { readonly do: 'wait' }

const cluster = fc.constantFrom<ClusterName>('a', 'b')
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('send'),
      key: fc.constantFrom(undefined, ...keys),
      count: fc.integer({ min: 1, max: 4 }),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('place'), cluster }) },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant('settle'),
      cluster,
      how: fc.constantFrom('ack', 'ack', 'cut', 'cut-written', 'refuse', 'seal'),
    }),
  },
  { weight: 5, arbitrary: fc.record({ do: fc.constant('wait') }) },
)

/** Everything that the clusters appended, over both, in the order of time. */
class Appended {
  readonly byPartition = new Map<number, number[]>()
  readonly times = new Map<string, number>()

  note(partition: number, value: string): void {
    this.times.set(value, (this.times.get(value) ?? 0) + 1)
    if (value.startsWith('-')) return
    const order = this.byPartition.get(partition) ?? []
    this.byPartition.set(partition, order)
    order.push(Number(value))
  }
}

async function run(rig: SwitchRig, steps: readonly Step[]): Promise<void> {
  const appended = new Appended()
  for (const one of [rig.a, rig.b]) one.onAppend = (_, partition, value) => appended.note(partition, value)
  let sent = 0
  rig.place('a')
  for (const one of steps) {
    if (one.do === 'wait') await sleep(2)
    else if (one.do === 'place') rig.place(one.cluster)
    else if (one.do === 'send') {
      for (let index = 0; index < one.count; index += 1) {
        sent += 1
        // Unkeyed ones promise no order: a minus tells them.
        rig.send([one.key === undefined ? `-${sent}` : String(sent)], one.key)
      }
    } else settle(rig, one)
    rig.assertConserved()
  }
  for (const one of [rig.a, rig.b]) {
    one.acksAtOnce = true
    for (const request of [...one.held]) request.answer(0)
  }
  await rig.settled()
  rig.assertConserved()
  judge(rig, appended, sent)
}

function settle(rig: SwitchRig, { cluster: name, how }: Extract<Step, { do: 'settle' }>): void {
  const [request] = rig[name].held
  if (how === 'ack') request?.answer(0)
  else if (how === 'cut') request?.cut(false)
  else if (how === 'cut-written') request?.cut(true)
  else request?.answer(how === 'seal' ? 10 : 6)
}

function judge(rig: SwitchRig, appended: Appended, sent: number): void {
  const { counts } = rig
  assert.deepEqual([counts.received, counts.delivered], [sent, sent])
  assert.equal(appended.times.size, sent, 'nothing is lost')
  const duplicates = [...appended.times.values()].reduce((sum, times) => sum + times - 1, 0)
  assert.ok(duplicates <= counts.resent, `${duplicates} duplicates, ${counts.resent} resent`)
  for (const [partition, order] of appended.byPartition) {
    const sorted = order.toSorted((one, other) => one - other)
    assert.deepEqual(order, sorted, `partition ${partition} out of order`)
  }
}

test('whatever fails and moves: nothing is lost or counted twice, and each partition keeps its order', async () => {
  assert.ok(new Set(keys.map((key) => partitionForKey(Buffer.from(key), 4))).size >= 2)
  const property = fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
    const hooks: (() => void | Promise<void>)[] = []
    const placed: { rig?: SwitchRig } = {}
    const rig = await SwitchRig.start(
      { after: (hook) => void hooks.push(hook) },
      // A sealed topic is never where the newest placement says: seals are for those who come late.
      { confirmPlacement: async () => placed.rig?.place(placed.rig.elsewhere) },
    )
    placed.rig = rig
    try {
      await run(rig, steps)
    } finally {
      for (const hook of hooks.reverse()) await hook()
    }
  })
  await fc.assert(property, { numRuns: 60 })
})
