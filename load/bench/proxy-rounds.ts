import { type Body, buildBodies } from '../generator/bodies.ts'
import { closedLoop } from '../generator/closed-loop.ts'
import { checkTopic, type TopicCheck } from '../verify/check-topic.ts'
import { MultisetDigest } from '../verify/multiset-digest.ts'
import type { Contender } from './contenders.ts'
import type { BenchKafka } from './kafka.ts'
import type { BenchOptions } from './options.ts'
import { cpuSeconds, peakRssBytes } from './process-stats.ts'
import { untilRecords } from './topics.ts'

/** One contender in one round. */
export interface ProxyMeasurement {
  readonly events: number
  readonly cpuMicrosPerEvent: number
  readonly eventsPerSecond: number
  /** CPU of the server ÷ time, while load was offered: 1 = its core was full. */
  readonly serverCpuShare: number
  readonly generatorCpuShare: number
  readonly refusedRequests: number
}

export interface ProxyResult {
  readonly name: string
  readonly rounds: readonly ProxyMeasurement[]
  readonly peakRssBytes: number
  /** `undefined` for the floor, which writes nothing. */
  readonly check: TopicCheck | undefined
}

/** Warms every contender up, offers each the same bodies in each round, and reads back what was acknowledged. */
export async function proxyRounds(
  contenders: readonly Contender[],
  kafka: BenchKafka,
  options: BenchOptions,
  say: (line: string) => void,
): Promise<ProxyResult[]> {
  const run = 'bench'
  const perRound = Math.max(1, Math.floor(options.events / options.rounds))
  const warmUp = Math.max(1, Math.min(perRound, 50_000))
  const digest = new MultisetDigest()
  const written = new Map<Contender, number>()
  const results = new Map<Contender, ProxyMeasurement[]>(contenders.map((contender) => [contender, []]))
  let first = 0
  for (let round = 0; round <= options.rounds; round += 1) {
    const events = round === 0 ? warmUp : perRound
    const bodies = buildBodies({ ...options, run, first, events }, digest)
    first += events
    // A B C, then B C A: nobody always comes first.
    const order = contenders.map((_, index) => contenders[(index + round) % contenders.length])
    for (const contender of order) {
      if (contender === undefined) continue
      const measured = await measure(contender, kafka, options, bodies, written)
      if (round > 0) results.get(contender)?.push(measured)
      say(
        `${round === 0 ? 'warm-up' : `round ${round} of ${options.rounds}`}: ${contender.name.padEnd(30)} ` +
          `${measured.cpuMicrosPerEvent.toFixed(2)} µs/event, ${Math.round(measured.eventsPerSecond)} events/s`,
      )
    }
  }
  return finish(contenders, kafka, results, { run, total: first, digest }, say)
}

async function measure(
  contender: Contender,
  kafka: BenchKafka,
  options: BenchOptions,
  bodies: readonly Body[],
  written: Map<Contender, number>,
): Promise<ProxyMeasurement> {
  const { server, port, topic, name } = contender
  const path = `/v1/topics/${topic ?? 'floor'}/events`
  const { connections, ratePerSecond } = options
  const cpuBefore = cpuSeconds(server.pid)
  const load = await closedLoop({
    port,
    path,
    bodies,
    connections,
    ...(ratePerSecond === undefined ? {} : { ratePerSecond }),
  })
  const cpuWhileOffered = cpuSeconds(server.pid) - cpuBefore
  const offered = bodies.reduce((sum, body) => sum + body.events, 0)
  if (load.accepted !== offered) {
    throw new Error(`${name} accepted ${load.accepted} of ${offered}: ${JSON.stringify(load.otherAnswers)}`)
  }
  if (topic !== undefined) {
    const total = (written.get(contender) ?? 0) + offered
    await untilRecords(kafka.fronting, topic, total)
    written.set(contender, total)
  }
  return {
    events: offered,
    cpuMicrosPerEvent: ((cpuSeconds(server.pid) - cpuBefore) * 1e6) / offered,
    eventsPerSecond: offered / load.seconds,
    serverCpuShare: cpuWhileOffered / load.seconds,
    generatorCpuShare: load.generatorCpuShare,
    refusedRequests: load.refusedRequests,
  }
}

async function finish(
  contenders: readonly Contender[],
  kafka: BenchKafka,
  results: ReadonlyMap<Contender, readonly ProxyMeasurement[]>,
  expected: { run: string; total: number; digest: MultisetDigest },
  say: (line: string) => void,
): Promise<ProxyResult[]> {
  say('reading back what was acknowledged')
  // Side by side: each reader's group waits some seconds for members that never come.
  return Promise.all(
    contenders.map(async (contender) => {
      const { name, server, topic } = contender
      const rss = peakRssBytes(server.pid)
      const check = topic === undefined ? undefined : await checkTopic(kafka.fronting, topic, expected)
      return { name, rounds: results.get(contender) ?? [], peakRssBytes: rss, check }
    }),
  )
}
