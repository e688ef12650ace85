import type { Bench } from '../bench/bench.ts'
import type { BenchKafka } from '../bench/kafka.ts'
import { CpuMeter, peakRssBytes } from '../bench/process-stats.ts'
import { untilRecords } from '../bench/topics.ts'
import { buildBodies } from '../generator/bodies.ts'
import { closedLoop } from '../generator/closed-loop.ts'
import { checkTopic, type TopicCheck } from '../verify/check-topic.ts'
import { SentLog } from '../verify/sent-log.ts'
import type { Carrier } from './carriers.ts'

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

/** In one round, the warm-up too. */
const mostRecords = 200_000

/** Fills the source through the proxy on `port`, lets each carrier carry the same records in turn, and reads both targets back. */
export async function routerRounds(
  carriers: readonly Carrier[],
  { kafka, options, say }: Bench,
  { topic, port }: { topic: string; port: number },
): Promise<RouterResult[]> {
  const sent = new SentLog('route')
  const events = Math.min(options.events, mostRecords)
  const target = { address: { host: '127.0.0.1', port }, saysAccepted: true, onFate: sent.note.bind(sent) }
  const results = new Map<Carrier, RouterMeasurement[]>(carriers.map((carrier) => [carrier, []]))
  for (let round = 0; round <= options.rounds; round += 1) {
    const bodies = buildBodies({ ...options, run: sent.run, first: sent.total, events, format: 'ndjson' })
    const requests = bodies.map((body) => ({ path: `/v1/topics/${topic}/events`, body }))
    await closedLoop({ target, requests, connections: options.connections })
    const total = sent.counts.acknowledged
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
      const check = await checkTopic(kafka.consumer, target, sent)
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
  const meter = new CpuMeter(server.pid)
  const startMs = performance.now()
  await resume()
  const endMs = await untilRecords(kafka.consumer, target, total)
  const cpu = meter.seconds()
  await pause()
  return {
    records,
    cpuMicrosPerRecord: (cpu * 1e6) / records,
    recordsPerSecond: records / ((endMs - startMs) / 1000),
  }
}
