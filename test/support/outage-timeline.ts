import type { LoadedRequest } from './fault-load.ts'
import type { OutageBed } from './outage-bed.ts'
import { standbyName } from './outage-bed.ts'
import type { OutageRow } from './outage-row.ts'
import { sumOf } from './outage-scraper.ts'

/** Seconds after the fault; absent: it has not come. */
export interface OutageTimeline {
  /** The failover was decided and stored. */
  readonly decided: number | undefined
  /** The placement of the first topics went out. */
  readonly published: number | undefined
  /** Of the last topics. */
  readonly lastPublished: number | undefined
  /** Every live proxy works by the last of them. */
  readonly acknowledged: number | undefined
  readonly done: number | undefined
  /** A proxy was seen with something acknowledged by the standby. Late by up to 0.2 s. */
  readonly firstOnStandby: number | undefined
  /** Every proxy was. */
  readonly allOnStandby: number | undefined
  /** The first event that was sent after the fault is with the readers. */
  readonly firstAtReaders: number | undefined
  /** Of every topic, over every proxy. */
  readonly allAtReaders: number | undefined
}

/** What the control plane's events, the proxies and the readers say about a fault. */
export function timelineOf(bed: OutageBed, row: OutageRow, faultMs: number): OutageTimeline {
  const { events, scraper, ledger } = bed
  const after = (atMs: number | undefined) => (atMs === undefined ? undefined : (atMs - faultMs) / 1000)
  const states = (state: string) =>
    events.since(faultMs).find(({ kind, data }) => kind === 'failover.state' && data.state === state)?.atMs
  const published = events.stepTimes(faultMs, /^publish\//, 'done')
  const acknowledged = events.stepTimes(faultMs, /^acknowledge\//, 'done')
  const isAcked = [`cluster="${standbyName}"`, 'outcome="acked"']
  const onStandby = scraper.growthMs(faultMs, (metrics) =>
    sumOf(metrics, 'forebay_batches_total', ...isAcked),
  )
  const seen = row.loads.map(({ run }) => ledger.firstSeenMs.get(run))
  return {
    decided: after(states('running')),
    published: after(published[0]),
    lastPublished: after(published.at(-1)),
    acknowledged: after(acknowledged.at(-1)),
    done: after(states('done')),
    firstOnStandby: after(earliest(onStandby)),
    allOnStandby: after(latest(onStandby)),
    firstAtReaders: after(earliest(seen)),
    allAtReaders: after(latest(seen)),
  }
}

/** For the diagnostics and the report. */
export function noteTimeline(row: OutageRow, timeline: OutageTimeline): void {
  const names: Readonly<Record<keyof OutageTimeline, string>> = {
    decided: 'decided after, s',
    published: 'first topics published after, s',
    lastPublished: 'last topics published after, s',
    acknowledged: 'all proxies acknowledged after, s',
    done: 'failover done after, s',
    firstOnStandby: 'first proxy delivers to the standby after, s',
    allOnStandby: 'every proxy delivers to the standby after, s',
    firstAtReaders: 'first event sent after the fault at the readers after, s',
    allAtReaders: 'of every topic and proxy after, s',
  }
  for (const [key, name] of Object.entries(names)) row.note(name, timeline[key as keyof OutageTimeline])
}

/** How long clients waited at most in 99 of 100 requests, from when each was due; of nothing NaN. Milliseconds. */
export function p99Ms(requests: readonly LoadedRequest[]): number {
  const waits = requests.map(({ dueMs, endMs }) => endMs - dueMs).sort((a, b) => a - b)
  return waits[Math.min(waits.length - 1, Math.floor(0.99 * waits.length))] ?? Number.NaN
}

function earliest(times: readonly (number | undefined)[]): number | undefined {
  const known = times.filter((time) => time !== undefined)
  return known.length === 0 ? undefined : Math.min(...known)
}

/** `undefined` while one is missing. */
function latest(times: readonly (number | undefined)[]): number | undefined {
  const known = times.filter((time) => time !== undefined)
  return known.length === 0 || known.length < times.length ? undefined : Math.max(...known)
}
