import { requests } from 'kafkajs/src/protocol/requests/index.js'
import type { BrokerLink } from './broker-link.ts'
import { canaryTopic } from './canary-topic.ts'

/** The broker answered, and refused. */
export class CanaryRefusedError extends Error {
  override readonly name = 'CanaryRefusedError'
  /** Kafka's error code. */
  readonly code: number

  constructor(what: string, code: number) {
    super(`${what}: Kafka's error ${code}`)
    this.code = code
  }
}

export interface ReadRecord {
  readonly offset: number
  readonly value: Buffer | null
}

const maxFetchBytes = 64 * 1024
export const offsetOutOfRange = 1

/** acks=1, as the proxies do for `fast` topics. The record's offset; rejects with `NoAnswerError` or `CanaryRefusedError`. */
export async function produceCanary(
  link: BrokerLink,
  partition: number,
  value: Buffer,
  limitMs: number,
): Promise<number> {
  const answer = await link.ask(
    requests.Produce.protocol({ version: 7 })({
      acks: 1,
      timeout: Math.ceil(limitMs),
      topicData: [{ topic: canaryTopic, partitions: [{ partition, messages: [{ value }] }] }],
    }),
    limitMs,
  )
  const result = answer.topics[0]?.partitions[0]
  const code = result?.errorCode ?? -1
  if (code !== 0) throw new CanaryRefusedError('produce', code)
  return Number(result?.baseOffset)
}

/**
 * Records from `offset` on, asked of the broker itself. A consumer group would do with less code, but its coordinator may sit on another
 * broker, whose death would then look like the failure of all. Waits at most half of the limit for a first record; an empty answer is one.
 */
export async function readCanaries(
  link: BrokerLink,
  partition: number,
  offset: number,
  limitMs: number,
): Promise<readonly ReadRecord[]> {
  const position = { partition, fetchOffset: offset, maxBytes: maxFetchBytes }
  const answer = await link.ask(
    requests.Fetch.protocol({ version: 11 })({
      replicaId: -1,
      maxWaitTime: Math.floor(limitMs / 2),
      minBytes: 1,
      maxBytes: maxFetchBytes,
      topics: [{ topic: canaryTopic, partitions: [position] }],
    }),
    limitMs,
  )
  const result = answer.responses[0]?.partitions[0]
  const code = answer.errorCode !== 0 ? answer.errorCode : (result?.errorCode ?? -1)
  if (code !== 0) throw new CanaryRefusedError('fetch', code)
  return (result?.messages ?? [])
    .map((message) => ({ offset: Number(message.offset), value: message.value }))
    .filter((message) => message.offset >= offset)
}
