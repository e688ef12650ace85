import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { frontingName, type OutageBed } from './outage-bed.ts'
import type { OutageCluster } from './outage-cluster.ts'
import { failBack } from './outage-cluster-dies.ts'
import type { ShownOperation } from './outage-control.ts'
import { fullLength } from './outage-length.ts'
import { OutageRow } from './outage-row.ts'

/** Something that is no reason to leave a cluster. */
export interface Disturbance {
  readonly name: string
  /** Ends with everything well again. */
  readonly disturb: (row: OutageRow, fronting: OutageCluster) => Promise<void>
  /** acks=1 and a leader that dies: what it had acknowledged alone. */
  readonly mayLoseFast?: boolean
  /** Default 4,000 in the long form, 1,000 in the short one. */
  readonly eventsPerSecond?: number
}

/** One row: the disturbance under load, no failover, nothing lost. */
export async function staysHome(
  context: TestContext,
  bed: OutageBed,
  { disturb, mayLoseFast, eventsPerSecond = fullLength ? 4000 : 1000 }: Disturbance,
): Promise<void> {
  const row = await OutageRow.begin(context, bed, { eventsPerSecond })
  const { fronting } = bed
  assert.ok(fronting !== undefined)
  await comeHome(row)
  await row.during(1000)
  const fromMs = performance.now()
  await disturb(row, fronting)
  await row.flowAgain()
  await row.during(2000)
  await row.settle()
  await assertNoMove(context, bed, row.startedMs)
  for (const topic of row.topics) {
    const { lost, lossAtMs, stuckIn } = await row.verdict(topic)
    const durable = bed.topics[topic]?.delivery === 'durable'
    if (durable || mayLoseFast !== true)
      assert.equal(lost, 0, `${topic}: ${lost} lost, in the logs ${JSON.stringify(stuckIn)}\n${bed.logs}`)
    else {
      const first = Math.min(...lossAtMs.map((ms) => ms - fromMs))
      assert.ok(lost === 0 || first > -1000, `${topic}: ${lost} lost long before\n${bed.logs}`)
    }
  }
}

/** Back to its own cluster, should a row before have left it elsewhere. */
export async function comeHome(row: OutageRow): Promise<void> {
  const { placements } = await row.bed.control.placement()
  if (placements.some(({ cluster }) => cluster !== frontingName)) await failBack(row)
}

/** Begun since then, on the clock of the loads. */
export async function failoversSince(
  { control }: OutageBed,
  fromMs: number,
): Promise<readonly ShownOperation[]> {
  const all = await control.list('failovers')
  return all.filter(({ createdAt }) => Date.parse(String(createdAt)) > performance.timeOrigin + fromMs)
}

/** Shows the last suspicions too. */
export async function assertNoMove(context: TestContext, bed: OutageBed, fromMs: number): Promise<void> {
  const { events, logs } = bed
  const moves = await failoversSince(bed, fromMs)
  const suspicions = events
    .since(fromMs)
    .filter(({ kind, subject }) => kind.startsWith('cluster.') && subject === frontingName)
  for (const { kind, data } of suspicions.slice(-3)) context.diagnostic(`${kind}: ${String(data.why ?? '')}`)
  assert.deepEqual(moves, [], logs)
}
