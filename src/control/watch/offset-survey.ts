import { requests, type TopicMetadata } from 'kafkajs/src/protocol/requests/index.js'
import type { Clock } from '../../core/clock.ts'
import type { BrokerLink } from './broker-link.ts'
import { movement, nextRates, type OffsetSample } from './moved-offsets.ts'

export interface OffsetSurveyOptions {
  readonly clock: Clock
  /** The way to a broker by its id. */
  readonly link: (broker: number) => BrokerLink | undefined
  readonly onTrouble: (error: unknown) => void
}

/** Five ticks of a second, though timers are not exact. */
const everyMs = 4900
const limitMs = 2000

/** Samples the end offsets of the placed topics every 5 s, one request a leader. */
export class OffsetSurvey {
  readonly #options: OffsetSurveyOptions
  #sample: OffsetSample = new Map()
  #sampledAtMs = Number.NEGATIVE_INFINITY
  #sampling = false
  #moved = 0
  #rates: ReadonlyMap<string, number> = new Map()

  constructor(options: OffsetSurveyOptions) {
    this.#options = options
  }

  /** Partitions whose end has grown, by the last sample. */
  get moved(): number {
    return this.#moved
  }

  /** Records a second by topic, from the last time that the cluster was well and something flowed. */
  get rates(): ReadonlyMap<string, number> {
    return this.#rates
  }

  /** Once a second, with metadata of now. `isWell`: the rates may follow. Never rejects. */
  async tick(topics: readonly TopicMetadata[], isWell: boolean): Promise<void> {
    const nowMs = this.#options.clock.monotonicMs()
    if (this.#sampling || nowMs - this.#sampledAtMs < everyMs) return
    this.#sampling = true
    try {
      const sample = await this.#ends(topics)
      const change = movement(this.#sample, sample)
      if (isWell) this.#rates = nextRates(this.#rates, change, (nowMs - this.#sampledAtMs) / 1000)
      this.#moved = change.moved
      this.#sample = sample
      this.#sampledAtMs = nowMs
    } finally {
      this.#sampling = false
    }
  }

  async #ends(topics: readonly TopicMetadata[]): Promise<OffsetSample> {
    const sample = new Map<string, Map<number, number>>()
    await Promise.all(
      [...byLeader(topics)].map(async ([leader, wanted]) => {
        try {
          await this.#endsOf(leader, wanted, sample)
        } catch (error) {
          // Its partitions are left out of this sample.
          this.#options.onTrouble(error)
        }
      }),
    )
    return sample
  }

  async #endsOf(
    leader: number,
    wanted: ReadonlyMap<string, readonly number[]>,
    sample: Map<string, Map<number, number>>,
  ): Promise<void> {
    const link = this.#options.link(leader)
    if (link === undefined) return
    const topics = [...wanted].map(([topic, partitions]) => ({
      topic,
      partitions: partitions.map((partition) => ({ partition, timestamp: -1 as const })),
    }))
    const exchange = requests.ListOffsets.protocol({ version: 3 })({
      replicaId: -1,
      isolationLevel: 0,
      topics,
    })
    const { responses } = await link.ask(exchange, limitMs)
    for (const { topic, partitions } of responses) {
      const offsets = sample.get(topic) ?? new Map<number, number>()
      sample.set(topic, offsets)
      for (const { partition, errorCode, offset } of partitions)
        if (errorCode === 0) offsets.set(partition, Number(offset))
    }
  }
}

/** Partitions by topic, by the broker that leads them. */
function byLeader(
  topics: readonly TopicMetadata[],
): ReadonlyMap<number, ReadonlyMap<string, readonly number[]>> {
  const leaders = new Map<number, Map<string, number[]>>()
  for (const { topic, partitionMetadata } of topics) {
    for (const { leader, partitionId } of partitionMetadata) {
      if (leader < 0) continue
      const led = leaders.get(leader) ?? new Map<string, number[]>()
      leaders.set(leader, led)
      const partitions = led.get(topic)
      if (partitions === undefined) led.set(topic, [partitionId])
      else partitions.push(partitionId)
    }
  }
  return leaders
}
