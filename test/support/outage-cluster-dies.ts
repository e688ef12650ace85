import assert from 'node:assert/strict'
import { frontingName, type OutageBed } from './outage-bed.ts'
import type { OutageCluster } from './outage-cluster.ts'
import { type ShownOperation, stepTimes } from './outage-control.ts'
import { fullLength } from './outage-length.ts'
import type { OutageRow } from './outage-row.ts'
import { noteTimeline, type OutageTimeline, p99Ms, timelineOf } from './outage-timeline.ts'
import { waitFor } from './wait-for.ts'

/** "What it must show": on the standby in at most so many seconds, in each run; the median is a matter of the report. */
const worstSeconds = 12

export interface ClusterDeath {
  readonly faultMs: number
  readonly failover: ShownOperation
  readonly timeline: OutageTimeline
}

/** The whole fronting cluster is lost under load; nobody does anything; waits until all topics flow over the standby. */
export async function clusterDies(
  row: OutageRow,
  inject: (cluster: OutageCluster) => Promise<void>,
  aroundMs = fullLength ? 5000 : 2000,
): Promise<ClusterDeath> {
  const { bed } = row
  const fronting = bed.fronting
  assert.ok(fronting !== undefined)
  await row.during(aroundMs)
  row.watchFromNow()
  const faultMs = performance.now()
  await inject(fronting)
  const failover = await unattended(bed, faultMs)
  await row.flowAgain()
  await waitFor(() => timelineOf(bed, row, faultMs).allAtReaders, {
    describe: 'events of every topic and proxy at the readers',
    timeoutMs: 60_000,
    state: () => [timelineOf(bed, row, faultMs), row.state],
  })
  const timeline = timelineOf(bed, row, faultMs)
  noteTimeline(row, timeline)
  row.context.diagnostic(`failover: ${stepTimes(failover)}`)
  await row.during(aroundMs)
  const flowing = timeline.allOnStandby ?? Number.POSITIVE_INFINITY
  assert.ok(flowing <= worstSeconds, `traffic flowed on the standby only after ${flowing} s\n${bed.logs}`)
  return { faultMs, failover, timeline }
}

/** The failover that began by itself after the fault, when it has ended. */
async function unattended({ control, logs }: OutageBed, faultMs: number): Promise<ShownOperation> {
  const begun = await waitFor(
    async () => {
      const wall = performance.timeOrigin + faultMs
      return (await control.list('failovers')).find(({ createdAt }) => Date.parse(String(createdAt)) > wall)
    },
    { describe: 'a failover to begin by itself', timeoutMs: 60_000, state: () => logs },
  )
  const ended = await control.ended('failovers', begun.id)
  assert.equal(ended.state, 'done', JSON.stringify(ended))
  return ended
}

/**
 * Begins the failback by hand under the load, and waits until it has ended. One that comes so early that the last round of evidence is
 * still that of the outage is taken back by the control plane; then it is begun again.
 */
export async function failBack(row: OutageRow): Promise<ShownOperation> {
  const { control } = row.bed
  const begunMs = performance.now()
  const ended = await waitFor(
    async () => {
      const { status, body } = await control.begin('failbacks', frontingName)
      if (status >= 300) throw new Error(`${status} ${JSON.stringify(body)}`)
      const shown = await control.ended('failbacks', body.id, 120_000)
      if (shown.state === 'done') return shown
      row.context.diagnostic(`the failback was taken back: ${String(shown.undoReason)}`)
      return undefined
    },
    { describe: 'the failback', timeoutMs: 120_000, intervalMs: 2000, state: () => row.bed.logs },
  )
  row.note('failback, s', (performance.now() - begunMs) / 1000)
  row.context.diagnostic(`failback: ${stepTimes(ended)}`)
  return ended
}

/** What clients saw from the fault on: nothing but acceptance. */
export function assertNoRefusal(row: OutageRow, faultMs: number): void {
  for (const kind of ['fast', 'durable'] as const) {
    const asked = row.requests(kind, faultMs)
    row.note(`${kind}, from the fault on, p99 ms`, p99Ms(asked))
    const turnedDown = asked.filter(({ fate }) => fate !== 'accepted')
    row.note(`${kind}, requests refused`, turnedDown.length)
    const words = [...new Set(turnedDown.map(({ status, reason }) => `${status} ${reason}`))]
    assert.deepEqual(words, [], `${kind}: ${turnedDown.length} requests were turned down\n${row.bed.logs}`)
  }
}

/**
 * Everything that was accepted is with the readers, apart from what a dead leader had acknowledged alone (fast topics), which Forebay
 * reports itself; and what came twice was counted as sent again, or fell into the commit window of the router that lost its coordinator.
 */
export async function assertNothingLost(row: OutageRow, faultMs: number): Promise<void> {
  for (const topic of row.topics) {
    const { lost, duplicates, lossAtMs, stuckIn } = await row.verdict(topic)
    const resent = await row.grown('forebay_events_resent_total', `topic="${topic}"`)
    const reported = await row.grownIfKnown('forebay_events_lost_after_ack_total', `topic="${topic}"`)
    const durable = row.bed.topics[topic]?.delivery === 'durable'
    const what = durable ? 'durable' : 'fast'
    row.note(`${what}: lost`, lost)
    row.note(`${what}: reported lost after ack`, reported)
    row.note(`${what}: duplicates`, duplicates)
    row.note(`${what}: resent`, resent)
    if (durable) {
      assert.equal(lost, 0, `${topic}: ${lost} lost, in the logs ${JSON.stringify(stuckIn)}\n${row.bed.logs}`)
      assert.equal(reported ?? 0, 0, `${topic}: ${reported} reported lost`)
    } else {
      const outside = lossAtMs.map((ms) => Math.round(ms - faultMs)).filter((ms) => ms < -1000 || ms > 250)
      assert.deepEqual(outside, [], `${topic}: lost, though not accepted right before the fault`)
      assert.ok(
        reported === undefined || Math.abs(lost - reported) <= resent,
        `${topic}: ${lost} lost, ${reported} reported`,
      )
    }
    const window = commitWindow(row, topic, faultMs)
    assert.ok(
      duplicates <= resent + window,
      `${topic}: ${duplicates} duplicates, ${resent} resent, window ${window}`,
    )
  }
}

/** Events accepted in the second and a half before the fault: what the router may have carried without having committed it. */
function commitWindow(row: OutageRow, topic: string, faultMs: number): number {
  const before = row.requests(topic).filter(({ endMs }) => endMs > faultMs - 1500 && endMs < faultMs + 250)
  return before.reduce((sum, { events }) => sum + events, 0)
}

/** Every topic is on its own cluster alone, nothing is left on the standby, and each hook was called, under one key for each step. */
export async function assertAllHome(row: OutageRow): Promise<void> {
  const { bed } = row
  const { placements } = await bed.control.placement()
  for (const { topic, cluster, holders } of placements)
    assert.deepEqual([cluster, holders], [frontingName, [frontingName]], topic)
  const left = await waitFor(async () => ({ topics: await bed.standbyTopics() }), { describe: 'the standby' })
  assert.deepEqual(
    left.topics.filter((topic) => topic in bed.topics),
    [],
    'topics are left on the standby',
  )
}
