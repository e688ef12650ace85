import { requests, type TopicMetadata } from 'kafkajs/src/protocol/requests/index.js'
import type { Clock } from '../../core/clock.ts'
import type { BrokerLink } from './broker-link.ts'
import { movement, type OffsetSample } from './moved-offsets.ts'

export interface CommittedSurveyOptions {
  readonly clock: Clock
  readonly link: (broker: number) => BrokerLink | undefined
  readonly onTrouble: (error: unknown) => void
}

interface Group {
  coordinator: number | undefined
  sampledAtMs: number
  sample: OffsetSample
  /** Partitions of its topic that moved between its last two samples. */
  moved: number
}

const everyMs = 4900
const limitMs = 2000
/** So that thousands of routes cost as little as fifty. */
const groupsPerTick = 50

/**
 * Samples the committed offsets of routes' groups, each every 5 s or, where there are more than 250, as often as fifty a second allow.
 * Two routes of one topic are counted as the one of them that moved more.
 */
export class CommittedSurvey {
  readonly #options: CommittedSurveyOptions
  readonly #groups = new Map<string, Group>()
  #sampling = false
  #moved = 0

  constructor(options: CommittedSurveyOptions) {
    this.#options = options
  }

  /** Partitions whose committed offset has grown, by each group's last sample. */
  get moved(): number {
    return this.#moved
  }

  /** Once a second. `groups`: the topic that each group reads; `asked`: a broker that answers. Never rejects. */
  async tick(
    groups: ReadonlyMap<string, string>,
    topics: readonly TopicMetadata[],
    asked: number,
  ): Promise<void> {
    if (this.#sampling) return
    this.#sampling = true
    try {
      this.#follow(groups)
      const nowMs = this.#options.clock.monotonicMs()
      const due = [...this.#groups]
        .filter(([, { sampledAtMs }]) => nowMs - sampledAtMs >= everyMs)
        .sort(([, a], [, b]) => a.sampledAtMs - b.sampledAtMs)
        .slice(0, groupsPerTick)
      const partitionsOf = new Map(topics.map(({ topic, partitionMetadata }) => [topic, partitionMetadata]))
      await Promise.all(
        due.map(async ([id, group]) => {
          const topic = groups.get(id) ?? ''
          const partitions = (partitionsOf.get(topic) ?? []).map(({ partitionId }) => partitionId)
          await this.#sample(id, group, topic, partitions, asked, nowMs)
        }),
      )
      if (due.length > 0) this.#moved = this.#countMoved(groups)
    } finally {
      this.#sampling = false
    }
  }

  #follow(groups: ReadonlyMap<string, string>): void {
    for (const id of this.#groups.keys()) if (!groups.has(id)) this.#groups.delete(id)
    for (const id of groups.keys()) {
      if (this.#groups.has(id)) continue
      const group = {
        coordinator: undefined,
        sampledAtMs: Number.NEGATIVE_INFINITY,
        sample: new Map(),
        moved: 0,
      }
      this.#groups.set(id, group)
    }
  }

  async #sample(
    id: string,
    group: Group,
    topic: string,
    partitions: readonly number[],
    asked: number,
    nowMs: number,
  ): Promise<void> {
    group.sampledAtMs = nowMs
    group.moved = 0
    if (partitions.length === 0) return
    try {
      group.coordinator ??= await this.#findCoordinator(id, asked)
      const offsets = await this.#committed(id, group.coordinator, topic, partitions)
      const sample: OffsetSample = new Map([[topic, offsets]])
      group.moved = movement(group.sample, sample).moved
      group.sample = sample
    } catch (error) {
      // Looked up again next time: it may have moved.
      group.coordinator = undefined
      this.#options.onTrouble(error)
    }
  }

  async #findCoordinator(id: string, asked: number): Promise<number> {
    const exchange = requests.GroupCoordinator.protocol({ version: 2 })({
      groupId: id,
      coordinatorType: 0,
    })
    const answer = await this.#link(asked).ask(exchange, limitMs)
    if (answer.errorCode !== 0)
      throw new Error(`no coordinator of group ${id}: Kafka's error ${answer.errorCode}`)
    return answer.coordinator.nodeId
  }

  async #committed(
    id: string,
    coordinator: number,
    topic: string,
    partitions: readonly number[],
  ): Promise<ReadonlyMap<number, number>> {
    const wanted = { topic, partitions: partitions.map((partition) => ({ partition })) }
    const exchange = requests.OffsetFetch.protocol({ version: 4 })({ groupId: id, topics: [wanted] })
    const { errorCode, responses } = await this.#link(coordinator).ask(exchange, limitMs)
    if (errorCode !== 0) throw new Error(`the offsets of group ${id}: Kafka's error ${errorCode}`)
    const found = new Map<number, number>()
    for (const one of responses[0]?.partitions ?? [])
      if (one.errorCode === 0 && Number(one.offset) >= 0) found.set(one.partition, Number(one.offset))
    return found
  }

  #link(broker: number): BrokerLink {
    const link = this.#options.link(broker)
    if (link === undefined) throw new Error(`broker ${broker} is not known`)
    return link
  }

  #countMoved(groups: ReadonlyMap<string, string>): number {
    const most = new Map<string, number>()
    for (const [id, { moved }] of this.#groups) {
      const topic = groups.get(id) ?? ''
      most.set(topic, Math.max(most.get(topic) ?? 0, moved))
    }
    return [...most.values()].reduce((sum, moved) => sum + moved, 0)
  }
}
