import { BackgroundLoad } from '../bench/background-load.ts'
import type { Bench } from '../bench/bench.ts'
import { type Contender, startFloor, startForebay } from '../bench/contenders.ts'
import type { Quantiles } from '../report/histogram.ts'
import { checkTopic, type TopicCheck } from '../verify/check-topic.ts'
import { BodyMaker, inTurn, Measured } from './measure.ts'
import { warmUp, warmUpEvents } from './warm-up.ts'

/** Latencies of accepted requests (NDJSON) in microseconds. */
export interface LatencyRow {
  readonly name: string
  readonly eventsPerSecond: number
  /** From the intended start, over all rounds. */
  readonly latency: Quantiles
  /** From the write: without the wait for a free connection and without the generator's own lateness. */
  readonly serviceTime: Quantiles
  readonly lateness: Quantiles
  /** p99 of the latency of each round. */
  readonly p99s: readonly number[]
  readonly refusedRequests: number
  readonly check: TopicCheck | undefined
}

export interface LatencyResult {
  readonly fast: LatencyRow
  readonly floor: LatencyRow
  readonly durable: LatencyRow
  /** Of an acks=all produce request of as many events, by another client beside the durable load; per round and p99. */
  readonly ackP99s: readonly number[]
  readonly lingerMs: number
}

/** The proxy's default. */
const lingerMs = 5
/** Of what was sustained in the warm-up. */
const shareOfMaximum = 0.5
const probesPerSecond = 50

/** Latency from the intended start at half of the maximum rate: fast beside the floor, durable beside what an ack takes. */
export async function latencyScenario(bench: Bench): Promise<LatencyResult> {
  const { options, say, prefix } = bench
  say('latency: starting the contenders')
  const measured = async (contender: Promise<Contender>) => new Measured(bench, await contender)
  const [probe, fast, durable, floor] = await Promise.all([
    BackgroundLoad.start(bench, `${prefix}-latency-probe`, -1),
    measured(startForebay(bench, `${prefix}-latency`)),
    measured(startForebay(bench, `${prefix}-latency`, 'durable')),
    measured(startFloor(bench, `${prefix}-latency`)),
  ])
  const all = [fast, durable, floor]
  try {
    const bodies = new BodyMaker(bench, 'ndjson')
    const first = bodies.make(warmUpEvents(bench))
    // The probe's code must be warm too, or its ack times flatter ours.
    probe.run(probesPerSecond * options.eventsPerBody)
    for (const one of all) await warmUp(bench, one, one.requestsOf(first))
    await probe.pause()
    const half = ({ sustainedEventsPerSecond }: Measured) =>
      options.rate ?? Math.max(1, Math.round(shareOfMaximum * sustainedEventsPerSecond))
    const rates = new Map(all.map((one) => [one, half(one === durable ? durable : fast)]))
    const ackP99s: number[] = []
    for (let round = 1; round <= options.rounds; round += 1) {
      for (const one of inTurn(all, round)) {
        const eventsPerSecond = rates.get(one) ?? 1
        const events = Math.ceil(Math.min(options.events, eventsPerSecond * options.roundSeconds))
        const pattern = options.pattern ?? 'poisson'
        if (one === durable) probe.run(probesPerSecond * options.eventsPerBody)
        const result = await one.drive(one.requestsOf(bodies.make(events)), {
          ...options,
          eventsPerSecond,
          pattern,
        })
        one.series.add(result)
        if (one === durable) ackP99s.push((await probe.pause()).p99)
        const p99Ms = (one.series.latencyP99s.at(-1) ?? Number.NaN) / 1000
        say(
          `latency ${round}/${options.rounds}: ${one.contender.name.padEnd(30)} p99 ${p99Ms.toFixed(1)} ms at ${eventsPerSecond} events/s`,
        )
      }
    }
    say('latency: reading back what was acknowledged')
    const row = (one: Measured) => rowOf(bench, one, rates.get(one) ?? Number.NaN)
    const [fastRow, floorRow, durableRow] = await Promise.all([row(fast), row(floor), row(durable)])
    return { fast: fastRow, floor: floorRow, durable: durableRow, ackP99s, lingerMs }
  } finally {
    await Promise.all([probe.stop(), ...all.map(({ contender }) => contender.stop())])
  }
}

async function rowOf({ kafka }: Bench, measured: Measured, eventsPerSecond: number): Promise<LatencyRow> {
  const { contender, sent, series } = measured
  const { topic } = contender
  return {
    name: contender.name,
    eventsPerSecond,
    latency: series.latency.quantiles(),
    serviceTime: series.serviceTime.quantiles(),
    lateness: series.lateness.quantiles(),
    p99s: series.latencyP99s,
    refusedRequests: series.rounds.reduce((sum, { refusedRequests }) => sum + refusedRequests, 0),
    check: topic === undefined ? undefined : await checkTopic(kafka.fronting, topic, sent),
  }
}
