import { setTimeout as sleep } from 'node:timers/promises'
import type { Bench } from '../bench/bench.ts'
import type { Contender } from '../bench/contenders.ts'
import { untilDelivered } from '../bench/in-flight.ts'
import { CpuMeter } from '../bench/process-stats.ts'
import { untilRecords } from '../bench/topics.ts'
import { type Body, type BodyFormat, buildBodies } from '../generator/bodies.ts'
import { closedLoop } from '../generator/closed-loop.ts'
import type { PostRequest } from '../generator/http-connection.ts'
import { type LoadCounts, offeredEvents } from '../generator/load-counts.ts'
import { openLoop } from '../generator/open-loop.ts'
import { seededRandom } from '../generator/random.ts'
import { type ArrivalPattern, arrivals } from '../generator/schedule.ts'
import { Histogram } from '../report/histogram.ts'
import { SentLog } from '../verify/sent-log.ts'

/** Of every event id of the bench. */
export const runName = 'bench'

/** One contender in one round. */
export interface Measurement {
  readonly events: number
  readonly accepted: number
  /** User and system time of the server until all it acknowledged is in Kafka. */
  readonly cpuMicrosPerEvent: number
  readonly eventsPerSecond: number
  /** CPU of the server ÷ time, while load was offered: 1 = its core was full. */
  readonly serverCpuShare: number
  readonly generatorCpuShare: number
  readonly refusedRequests: number
  readonly unansweredRequests: number
  /** p99 from the intended start to when the generator got to it, in µs; `undefined` in a closed loop. */
  readonly latenessP99: number | undefined
}

/** What a contender is driven with in a round. */
export interface Drive {
  readonly connections: number
  /** Offered in an open loop; `undefined`: saturated, in a closed one. */
  readonly eventsPerSecond: number | undefined
  readonly pattern: ArrivalPattern
  /** A closed loop ends then, with bodies left over. */
  readonly forMs?: number | undefined
}

/** The rounds of one contender under one kind of load; histograms in microseconds, empty when saturated. */
export class Series {
  readonly rounds: Measurement[] = []
  readonly latency = new Histogram()
  readonly serviceTime = new Histogram()
  readonly lateness = new Histogram()
  /** p99 of the latency of each round. */
  readonly latencyP99s: number[] = []

  add({ measurement, histograms }: DriveResult): void {
    this.rounds.push(measurement)
    if (histograms === undefined) return
    this.latency.merge(histograms.latency)
    this.serviceTime.merge(histograms.serviceTime)
    this.lateness.merge(histograms.lateness)
    this.latencyP99s.push(histograms.latency.quantile(0.99))
  }
}

/** A contender with what it was sent so far. */
export class Measured {
  readonly contender: Contender
  readonly sent = new SentLog(runName)
  readonly series = new Series()
  /** The most that it took in its warm-up. */
  sustainedEventsPerSecond = Number.NaN
  readonly #bench: Bench

  constructor(bench: Bench, contender: Contender) {
    this.#bench = bench
    this.contender = contender
  }

  requestsOf(bodies: readonly Body[]): PostRequest[] {
    return bodies.map((body) => ({ path: this.contender.path, body }))
  }

  /** Offers requests that it was not offered before, and waits until what it acknowledged is in Kafka. */
  async drive(requests: readonly PostRequest[], drive: Drive): Promise<DriveResult> {
    const { background } = this.contender
    background?.run(drive.eventsPerSecond ?? assumedBackgroundRate)
    const { counts, seconds, generatorCpuShare, open, cpu } = await this.#offer(requests, drive)
    await background?.pause()
    const measurement = {
      ...shares(counts, requests, cpu.seconds, seconds),
      serverCpuShare: cpu.whileOffered / seconds,
      generatorCpuShare,
      latenessP99: open?.lateness.quantile(0.99),
    }
    return { measurement, histograms: open }
  }

  /** In an open loop the meter begins when the connections are open: what 5,000 of them cost is not the cost of an event. */
  async #offer(requests: readonly PostRequest[], drive: Drive) {
    const { pid } = this.contender
    const target = { ...this.contender.target, onFate: this.sent.note.bind(this.sent) }
    const { eventsPerSecond } = drive
    let meter = new CpuMeter(pid)
    const read = async (): Promise<ServerCpu> => {
      const whileOffered = meter.seconds()
      const asking = await this.settled()
      return { whileOffered, seconds: meter.seconds() - asking }
    }
    if (eventsPerSecond === undefined) {
      const closed = await closedLoop({ ...drive, target, requests })
      return { ...closed, open: undefined, cpu: await read() }
    }
    let cpu: ServerCpu = { whileOffered: Number.NaN, seconds: Number.NaN }
    const open = await openLoop({
      ...{ ...drive, target, requests, mode: this.#bench.options.mode },
      schedule: scheduleOf(requests, eventsPerSecond, drive),
      onStart: () => {
        meter = new CpuMeter(pid)
      },
      onAnswered: async () => {
        cpu = await read()
      },
    })
    return { ...open, open, cpu }
  }

  /** Waits until everything acknowledged is in Kafka; where nobody can tell, a moment. Returns the CPU seconds that asking took. */
  async settled(): Promise<number> {
    const { topic, role, target, pid } = this.contender
    if (topic !== undefined) {
      await untilRecords(this.#bench.kafka.fronting, topic, this.sent.counts.acknowledged)
    } else if (role === 'forebay') return untilDelivered(target.address, pid)
    else await sleep(100)
    return 0
  }
}

/** Of the server, in seconds: until the last answer, and until all was in Kafka. */
interface ServerCpu {
  readonly whileOffered: number
  readonly seconds: number
}

export interface DriveResult {
  readonly measurement: Measurement
  readonly histograms:
    | { readonly latency: Histogram; readonly serviceTime: Histogram; readonly lateness: Histogram }
    | undefined
}

function scheduleOf(requests: readonly PostRequest[], eventsPerSecond: number, { pattern }: Drive) {
  const requestsPerSecond = (eventsPerSecond * requests.length) / offeredEvents(requests)
  return arrivals({ pattern, requestsPerSecond, random: seededRandom(1) })
}

/** Events per second on the brokers beside a saturated floor. */
const assumedBackgroundRate = 50_000

function shares(counts: LoadCounts, requests: readonly PostRequest[], cpuSeconds: number, seconds: number) {
  const { accepted, refusedRequests, unansweredRequests } = counts
  if (accepted === 0) throw new Error(counts.complaint(requests))
  return {
    ...{ events: offeredEvents(requests), accepted, refusedRequests, unansweredRequests },
    cpuMicrosPerEvent: (cpuSeconds * 1e6) / accepted,
    eventsPerSecond: accepted / seconds,
  }
}

/** Bodies of the run's events in order, so that no two have the same. */
export class BodyMaker {
  readonly #bench: Bench
  readonly #format: BodyFormat
  #first = 0

  constructor(bench: Bench, format: BodyFormat) {
    this.#bench = bench
    this.#format = format
  }

  make(events: number): Body[] {
    const { source, eventsPerBody } = this.#bench.options
    const first = this.#first
    this.#first += events
    return buildBodies({ run: runName, first, events, format: this.#format, eventsPerBody, source })
  }
}

/** A B C, then B C A: nobody always comes first. */
export function inTurn<Item>(items: readonly Item[], round: number): Item[] {
  const cut = round % Math.max(1, items.length)
  return [...items.slice(cut), ...items.slice(0, cut)]
}
