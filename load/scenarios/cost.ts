import type { Bench } from '../bench/bench.ts'
import { type Role, startContenders } from '../bench/contenders.ts'
import { peakRssBytes } from '../bench/process-stats.ts'
import type { BodyFormat } from '../generator/bodies.ts'
import type { Quantiles } from '../report/histogram.ts'
import { spread } from '../report/statistics.ts'
import { checkTopic, type TopicCheck } from '../verify/check-topic.ts'
import { BodyMaker, inTurn, Measured, type Measurement, Series } from './measure.ts'
import { warmUp, warmUpEvents } from './warm-up.ts'

/** One contender over all rounds of a phase. */
export interface ContenderResult {
  readonly name: string
  readonly role: Role
  readonly rounds: readonly Measurement[]
  /** From the intended start, in µs, over all rounds; `undefined` when saturated. */
  readonly latency: Quantiles | undefined
  readonly peakRssBytes: number
  /** Over all phases; `undefined` where nothing can be read back. */
  readonly check: TopicCheck | undefined
}

/** One phase: saturated, or one rate for all. */
export interface CostResult {
  readonly format: BodyFormat
  /** Offered to all; `undefined` when saturated. */
  readonly eventsPerSecond: number | undefined
  readonly contenders: readonly ContenderResult[]
}

interface Phase {
  readonly eventsPerSecond: number | undefined
  readonly series: ReadonlyMap<Measured, Series>
}

/** Part of what the slowest contender took when saturated that is then offered to all. */
const shareOfSlowest = 0.8
/** A saturated round ends by time, not because a contender that has become faster ran out of bodies. */
const headroom = 1.3

/**
 * CPU per event of Forebay's proxy and of every baseline and peer in interleaved rounds, by the same servers in two phases: saturated, each
 * as fast as it answers, and then one rate for all.
 */
export async function costScenario(bench: Bench, format: BodyFormat): Promise<CostResult[]> {
  const { options, say } = bench
  say(`${format}: starting the contenders`)
  const contenders = await startContenders(bench, `${bench.prefix}-${format}`)
  try {
    const all = contenders.map((contender) => new Measured(bench, contender))
    const bodies = new BodyMaker(bench, format)
    const first = bodies.make(warmUpEvents(bench))
    for (const one of all) await warmUp(bench, one, one.requestsOf(first))
    const phases: Phase[] = []
    if (options.rate === undefined) phases.push(await runPhase(bench, all, bodies, undefined))
    if (!options.saturated) {
      phases.push(await runPhase(bench, all, bodies, options.rate ?? sharedRate(phases[0])))
    }
    say(`${format}: reading back what was acknowledged`)
    // Side by side: each reader's group waits some seconds for members that never come.
    const checks = await Promise.all(all.map((one) => checkOf(bench, one)))
    return phases.map(({ eventsPerSecond, series }) => ({
      ...{ format, eventsPerSecond },
      contenders: all.map((one, index) => resultOf(one, series.get(one) ?? new Series(), checks[index])),
    }))
  } finally {
    await Promise.all(contenders.map((contender) => contender.stop()))
  }
}

async function runPhase(
  bench: Bench,
  all: readonly Measured[],
  bodies: BodyMaker,
  eventsPerSecond: number | undefined,
): Promise<Phase> {
  const { options, say } = bench
  const name = eventsPerSecond === undefined ? 'saturated' : 'one rate'
  const forMs = eventsPerSecond === undefined ? options.roundSeconds * 1000 : undefined
  const drive = { ...options, eventsPerSecond, forMs, pattern: options.pattern ?? 'uniform' } as const
  const fastest = Math.max(...all.map((one) => one.sustainedEventsPerSecond))
  const perSecond = eventsPerSecond ?? fastest * headroom
  const events = Math.ceil(Math.min(options.events, perSecond * options.roundSeconds))
  const series = new Map(all.map((one) => [one, new Series()]))
  for (let round = 1; round <= options.rounds; round += 1) {
    const fresh = bodies.make(events)
    for (const one of inTurn(all, round)) {
      const result = await one.drive(one.requestsOf(fresh), drive)
      series.get(one)?.add(result)
      say(roundLine(`${name} ${round}/${options.rounds}`, one, result.measurement))
    }
  }
  return { eventsPerSecond, series }
}

/** What the slowest contender surely keeps up with. */
function sharedRate(saturated: Phase | undefined): number {
  const sustained = [...(saturated?.series.values() ?? [])].map(
    ({ rounds }) => spread(rounds.map((round) => round.eventsPerSecond)).median,
  )
  return Math.max(1, Math.round(shareOfSlowest * Math.min(...sustained)))
}

async function checkOf({ kafka }: Bench, { contender, sent }: Measured): Promise<TopicCheck | undefined> {
  const { topic } = contender
  return topic === undefined ? undefined : checkTopic(kafka.fronting, topic, sent)
}

function resultOf(
  { contender }: Measured,
  { rounds, latency }: Series,
  check: TopicCheck | undefined,
): ContenderResult {
  const { name, role, pid } = contender
  return {
    ...{ name, role, rounds, check },
    latency: latency.count === 0 ? undefined : latency.quantiles(),
    peakRssBytes: peakRssBytes(pid),
  }
}

/** A line of progress about one round. */
export function roundLine(
  round: string,
  { contender }: Pick<Measured, 'contender'>,
  measurement: Measurement,
): string {
  const { cpuMicrosPerEvent, eventsPerSecond } = measurement
  return `${round}: ${contender.name.padEnd(30)} ${cpuMicrosPerEvent.toFixed(2)} µs/event, ${Math.round(eventsPerSecond)} events/s`
}
