import { setTimeout as sleep } from 'node:timers/promises'
import type { OutageBed } from '../../test/support/outage-bed.ts'
import { failBack } from '../../test/support/outage-cluster-dies.ts'
import { OutageRow } from '../../test/support/outage-row.ts'
import { type OutageTimeline, p99Ms, timelineOf } from '../../test/support/outage-timeline.ts'
import type { Cleanup } from '../../test/support/temporary-folder.ts'
import type { OutageBenchOptions } from './options.ts'
import { clientSide, type OutageResult } from './result.ts'

export interface ForebayOutage {
  readonly result: OutageResult
  readonly timeline: OutageTimeline
}

const beforeMs = 5000
const afterMs = 5000

/** One outage of the bed's fronting cluster under load; ends with everything at home again, or throws. */
export async function forebayOutage(
  bed: OutageBed,
  run: number,
  { fault, eventsPerSecond, downSeconds }: OutageBenchOptions,
  say: (line: string) => void,
): Promise<ForebayOutage> {
  const hooks: Parameters<Cleanup['after']>[0][] = []
  const context = {
    name: `outage ${run}`,
    diagnostic: say,
    after: (hook?: unknown) => void hooks.push(hook as () => void),
  }
  try {
    const row = await OutageRow.begin(context, bed, { eventsPerSecond })
    await sleep(beforeMs)
    row.watchFromNow()
    const faultMs = performance.now()
    await (fault === 'kill' ? bed.fronting?.kill() : bed.fronting?.pause())
    await sleep(downSeconds * 1000)
    await bed.fronting?.heal()
    const backMs = performance.now()
    await sleep(afterMs)
    const timeline = timelineOf(bed, row, faultMs)
    await failBack(row)
    await sleep(2000)
    await row.settle()
    return { timeline, result: await resultOf(row, run, timeline, faultMs, backMs + afterMs) }
  } finally {
    for (const hook of hooks.reverse()) await hook()
  }
}

async function resultOf(
  row: OutageRow,
  run: number,
  timeline: OutageTimeline,
  faultMs: number,
  toMs: number,
): Promise<OutageResult> {
  const during = ['fast', 'durable'].flatMap((kind) => row.requests(kind, faultMs, toMs))
  const durable = row.requests('durable', faultMs, toMs)
  let [lost, lostFast, duplicates] = [0, 0, 0]
  for (const topic of row.topics) {
    const verdict = await row.verdict(topic)
    duplicates += verdict.duplicates
    if (row.bed.topics[topic]?.delivery === 'durable') lost += verdict.lost
    else lostFast += verdict.lost
  }
  const reportedLost = await row.grownIfKnown('forebay_events_lost_after_ack_total')
  return {
    name: 'Forebay',
    run,
    ...(timeline.decided === undefined ? {} : { noticedSeconds: timeline.decided }),
    ...(timeline.allOnStandby === undefined ? {} : { movedSeconds: timeline.allOnStandby }),
    ...clientSide(during, durable, faultMs),
    ...{ lost, lostFast, duplicates },
    ...(reportedLost === undefined ? {} : { reportedLost }),
    resent: await row.grown('forebay_events_resent_total'),
    durableP99Ms: p99Ms(durable),
  }
}
