import type { Bench } from '../bench/bench.ts'
import { type Role, startContenders } from '../bench/contenders.ts'
import { peakRssBytes } from '../bench/process-stats.ts'
import type { BodyFormat } from '../generator/bodies.ts'
import type { Quantiles } from '../report/histogram.ts'
import { checkTopic, type TopicCheck } from '../verify/check-topic.ts'
import { BodyMaker, inTurn, Measured, type Measurement } from './measure.ts'
import { warmUp, warmUpEvents } from './warm-up.ts'

/** One contender over all rounds. */
export interface ContenderResult {
  readonly name: string
  readonly role: Role
  /** Events per second in the warm-up, as fast as it answered. */
  readonly sustainedEventsPerSecond: number
  /** What that cost: beside the rounds it shows what an idle moment between requests costs. */
  readonly saturatedCpuMicrosPerEvent: number
  readonly rounds: readonly Measurement[]
  /** From the intended start, in µs, over all rounds; `undefined` when saturated. */
  readonly latency: Quantiles | undefined
  readonly peakRssBytes: number
  /** `undefined` where nothing can be read back. */
  readonly check: TopicCheck | undefined
}

export interface CostResult {
  readonly format: BodyFormat
  /** Offered to all; `undefined` when saturated. */
  readonly eventsPerSecond: number | undefined
  readonly contenders: readonly ContenderResult[]
}

/** Part of what the slowest contender sustained that is offered to all. */
const shareOfSlowest = 0.8
/** A saturated round ends by time, not because a contender that has become faster ran out of bodies. */
const headroom = 1.3

/** CPU per event of Forebay's proxy and of every baseline and peer, under the same load in interleaved rounds. */
export async function costScenario(bench: Bench, format: BodyFormat): Promise<CostResult> {
  const { options, say } = bench
  say(`${format}: starting the contenders`)
  const contenders = await startContenders(bench, `${bench.prefix}-${format}`)
  try {
    const all = contenders.map((contender) => new Measured(bench, contender))
    const bodies = new BodyMaker(bench, format)
    const first = bodies.make(warmUpEvents(bench))
    for (const one of all) await warmUp(bench, one, one.requestsOf(first))
    const slowest = Math.min(...all.map((one) => one.sustainedEventsPerSecond))
    const rate = options.rate ?? Math.max(1, Math.round(shareOfSlowest * slowest))
    const eventsPerSecond = options.saturated ? undefined : rate
    const forMs = options.saturated ? options.roundSeconds * 1000 : undefined
    const drive = { ...options, eventsPerSecond, forMs, pattern: options.pattern ?? 'uniform' } as const
    const fastest = Math.max(...all.map((one) => one.sustainedEventsPerSecond))
    const perSecond = options.saturated ? fastest * headroom : rate
    const events = Math.ceil(Math.min(options.events, perSecond * options.roundSeconds))
    for (let round = 1; round <= options.rounds; round += 1) {
      const fresh = bodies.make(events)
      for (const one of inTurn(all, round)) {
        const result = await one.drive(one.requestsOf(fresh), drive)
        one.series.add(result)
        say(roundLine(`${format} ${round}/${options.rounds}`, one, result.measurement))
      }
    }
    say(`${format}: reading back what was acknowledged`)
    // Side by side: each reader's group waits some seconds for members that never come.
    return { format, eventsPerSecond, contenders: await Promise.all(all.map((one) => resultOf(bench, one))) }
  } finally {
    await Promise.all(contenders.map((contender) => contender.stop()))
  }
}

async function resultOf({ kafka }: Bench, measured: Measured): Promise<ContenderResult> {
  const { contender, sent, series, sustainedEventsPerSecond, saturatedCpuMicrosPerEvent } = measured
  const { name, role, pid, topic } = contender
  return {
    ...{ name, role, sustainedEventsPerSecond, saturatedCpuMicrosPerEvent, rounds: series.rounds },
    latency: series.latency.count === 0 ? undefined : series.latency.quantiles(),
    peakRssBytes: peakRssBytes(pid),
    check: topic === undefined ? undefined : await checkTopic(kafka.fronting, topic, sent),
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
