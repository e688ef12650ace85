import { buildBodies } from '../generator/bodies.ts'
import { closedLoop } from '../generator/closed-loop.ts'
import { checkTopic, type TopicCheck } from '../verify/check-topic.ts'
import { MultisetDigest } from '../verify/multiset-digest.ts'
import type { Carrier } from './carriers.ts'
import type { BenchKafka } from './kafka.ts'
import type { BenchOptions } from './options.ts'
import { cpuSeconds, peakRssBytes } from './process-stats.ts'
import { untilRecords } from './topics.ts'

/** One carrier in one round. */
export interface RouterMeasurement {
  readonly records: number
  readonly cpuMicrosPerRecord: number
  /** From the word to go until the last record is in the target; the time to react included. */
  readonly recordsPerSecond: number
}

export interface RouterResult {
  readonly name: string
  readonly rounds: readonly RouterMeasurement[]
  readonly peakRssBytes: number
  readonly check: TopicCheck
}

/** Fills the source through the proxy on `port`, lets each carrier carry the same records in turn, and reads both targets back. */
export async function routerRounds(
  carriers: readonly Carrier[],
  kafka: BenchKafka,
  { topic, port, options }: { topic: string; port: number; options: BenchOptions },
  say: (line: string) => void,
): Promise<RouterResult[]> {
  const run = 'route'
  const perRound = Math.max(1, Math.floor(options.events / options.rounds))
  const warmUp = Math.max(1, Math.min(perRound, 50_000))
  const digest = new MultisetDigest()
  const results = new Map<Carrier, RouterMeasurement[]>(carriers.map((carrier) => [carrier, []]))
  let total = 0
  for (let round = 0; round <= options.rounds; round += 1) {
    const events = round === 0 ? warmUp : perRound
    const bodies = buildBodies({ ...options, run, first: total, events }, digest)
    total += events
    await closedLoop({ port, path: `/v1/topics/${topic}/events`, bodies, connections: options.connections })
    await untilRecords(kafka.fronting, topic, total)
    for (const [index] of carriers.entries()) {
      const carrier = carriers[(index + round) % carriers.length]
      if (carrier === undefined) continue
      const measured = await carry(carrier, kafka, events, total)
      if (round > 0) results.get(carrier)?.push(measured)
      say(
        `${round === 0 ? 'warm-up' : `round ${round} of ${options.rounds}`}: ${carrier.name.padEnd(30)} ` +
          `${measured.cpuMicrosPerRecord.toFixed(2)} µs/record, ${Math.round(measured.recordsPerSecond)} records/s`,
      )
    }
  }
  say('reading back what was carried')
  return Promise.all(
    carriers.map(async (carrier) => {
      const { name, server, target } = carrier
      const rss = peakRssBytes(server.pid)
      const check = await checkTopic(kafka.consumer, target, { run, total, digest })
      return { name, rounds: results.get(carrier) ?? [], peakRssBytes: rss, check }
    }),
  )
}

async function carry(
  { server, target, resume, pause }: Carrier,
  kafka: BenchKafka,
  records: number,
  total: number,
): Promise<RouterMeasurement> {
  const cpuBefore = cpuSeconds(server.pid)
  const startMs = performance.now()
  await resume()
  const endMs = await untilRecords(kafka.consumer, target, total)
  const cpu = cpuSeconds(server.pid) - cpuBefore
  await pause()
  return {
    records,
    cpuMicrosPerRecord: (cpu * 1e6) / records,
    recordsPerSecond: records / ((endMs - startMs) / 1000),
  }
}
