import type { Bench } from '../bench/bench.ts'
import { startForebay } from '../bench/contenders.ts'
import { resentEvents } from '../bench/in-flight.ts'
import { peakRssBytes } from '../bench/process-stats.ts'
import { recordCounts } from '../bench/topics.ts'
import type { Body } from '../generator/bodies.ts'
import { closedLoop } from '../generator/closed-loop.ts'
import type { PostRequest } from '../generator/http-connection.ts'
import { seededRandom } from '../generator/random.ts'
import { zipf } from '../generator/zipf.ts'
import { roundLine } from './cost.ts'
import { BodyMaker, inTurn, Measured, type Measurement, Series } from './measure.ts'
import { warmUp, warmUpEvents } from './warm-up.ts'

/** Cost per event by the number of something, of one server at one event rate. */
export interface ScalingResult {
  readonly name: string
  readonly eventsPerSecond: number
  readonly steps: readonly { readonly count: number; readonly rounds: readonly Measurement[] }[]
  readonly peakRssBytes: number
}

export interface TopicsResult extends ScalingResult {
  readonly acknowledged: number
  /** Records in all the topics, told by an independent client. */
  readonly records: number
  /** Events that went out again after an unanswered request: so many records may be there twice. */
  readonly resent: number
}

/** CPU per event of the proxy while NDJSON bodies go to 1, 10, … topics of a long tail, at the same event rate, in interleaved rounds. */
export async function topicsScenario(bench: Bench): Promise<TopicsResult> {
  const { options, say, prefix, kafka, forebay } = bench
  const most = Math.max(...options.topicCounts)
  const topics = Array.from({ length: most }, (_, index) => `${prefix}-topics-t${index}`)
  say(`topics: making ${most} topics`)
  await forebay.apply(
    topics.map((name) => ({ kind: 'Topic', name, owner: 'bench', delivery: 'fast', partitions: 1 })),
  )
  const contender = { ...(await startForebay(bench, `${prefix}-topics`)), topic: undefined }
  try {
    const measured = new Measured(bench, contender)
    const bodies = new BodyMaker(bench, 'ndjson')
    await touch(measured, bodies.make(most * options.eventsPerBody), topics, options.connections)
    await warmUp(bench, measured, longTail(bodies.make(warmUpEvents(bench)), topics))
    const half = Math.max(1, Math.round(measured.sustainedEventsPerSecond / 2))
    const eventsPerSecond = options.rate ?? half
    const events = Math.ceil(Math.min(options.events, eventsPerSecond * options.roundSeconds))
    const series = new Map(options.topicCounts.map((count) => [count, new Series()]))
    for (let round = 1; round <= options.rounds; round += 1) {
      for (const count of inTurn(options.topicCounts, round)) {
        const requests = longTail(bodies.make(events), topics.slice(0, count))
        const pattern = options.pattern ?? 'uniform'
        const result = await measured.drive(requests, { ...options, eventsPerSecond, pattern })
        series.get(count)?.add(result)
        say(roundLine(`topics ${round}/${options.rounds}, ${count}`, measured, result.measurement))
      }
    }
    say('topics: counting what is in Kafka')
    return {
      ...{ name: contender.name, eventsPerSecond },
      steps: [...series].map(([count, { rounds }]) => ({ count, rounds })),
      peakRssBytes: peakRssBytes(contender.pid),
      acknowledged: measured.sent.counts.acknowledged,
      records: await recordCounts(kafka.fronting, topics),
      resent: await resentEvents(contender.target.address),
    }
  } finally {
    await contender.stop()
  }
}

/** A body to each topic: the first write to a partition makes the broker open its files, which is not the proxy's cost. */
async function touch(
  measured: Measured,
  bodies: readonly Body[],
  topics: readonly string[],
  connections: number,
): Promise<void> {
  const target = { ...measured.contender.target, onFate: measured.sent.note.bind(measured.sent) }
  const requests = bodies.map((body, index) => ({ path: `/v1/topics/${topics[index]}/events`, body }))
  await closedLoop({ target, requests, connections })
  await measured.settled()
}

/** Each body to a topic by Zipf's law, the same way every time. */
function longTail(bodies: readonly Body[], topics: readonly string[]): PostRequest[] {
  const draw = zipf(topics.length)
  const random = seededRandom(topics.length)
  return bodies.map((body) => ({ path: `/v1/topics/${topics[draw(random())]}/events`, body }))
}
