import { WireError } from './wire-reader.ts'

/**
 * The bytes that members of a `consumer` group tell each other through the coordinator (ConsumerProtocolSubscription v2,
 * ConsumerProtocolAssignment v0): standard ones, so that Kafka's own tools show members and partitions.
 */

const subscriptionVersion = 2
const assignmentVersion = 0

export interface GroupSubscription {
  readonly topic: string
  readonly owned: readonly number[]
  /** −1 before the first. */
  readonly generation: number
}

export function encodeSubscription({ topic, owned, generation }: GroupSubscription): Buffer {
  const name = stringBytes(topic)
  return Buffer.concat([
    int16(subscriptionVersion),
    int32(1),
    name,
    int32(-1),
    ...(owned.length === 0 ? [int32(0)] : [int32(1), name, int32Array(owned)]),
    int32(generation),
  ])
}

/** `undefined` when the member is not subscribed to `topic`. Later versions are read as far as they are known. Throws `WireError`. */
export function decodeSubscription(bytes: Buffer, topic: string): GroupSubscription | undefined {
  const reader = new PlainReader(bytes)
  const version = reader.int16()
  const topics = reader.array(() => reader.string())
  reader.bytes()
  const owned = version >= 1 ? reader.array(() => reader.topicPartitions()) : []
  const generation = version >= 2 ? reader.int32() : -1
  if (!topics.includes(topic)) return undefined
  return { topic, owned: owned.find(([name]) => name === topic)?.[1] ?? [], generation }
}

export function encodeAssignment(topic: string, partitions: readonly number[]): Buffer {
  const topics = partitions.length === 0 ? [int32(0)] : [int32(1), stringBytes(topic), int32Array(partitions)]
  return Buffer.concat([int16(assignmentVersion), ...topics, int32(-1)])
}

/** An empty buffer, which a coordinator sends to a member without an assignment, is no partitions. Throws `WireError`. */
export function decodeAssignment(bytes: Buffer, topic: string): readonly number[] {
  if (bytes.length === 0) return []
  const reader = new PlainReader(bytes)
  reader.int16()
  const topics = reader.array(() => reader.topicPartitions())
  return topics.find(([name]) => name === topic)?.[1] ?? []
}

function int16(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(2)
  bytes.writeInt16BE(value)
  return bytes
}

function int32(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(4)
  bytes.writeInt32BE(value)
  return bytes
}

function stringBytes(text: string): Buffer {
  const bytes = Buffer.from(text)
  return Buffer.concat([int16(bytes.length), bytes])
}

function int32Array(values: readonly number[]): Buffer {
  return Buffer.concat([int32(values.length), ...values.map(int32)])
}

/** The protocol before KIP-482: plain lengths. */
class PlainReader {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  int16(): number {
    return this.#take(2).readInt16BE()
  }

  int32(): number {
    return this.#take(4).readInt32BE()
  }

  string(): string {
    return this.#take(this.int16()).toString('utf8')
  }

  bytes(): Buffer | undefined {
    const length = this.int32()
    return length < 0 ? undefined : this.#take(length)
  }

  array<Item>(read: () => Item): readonly Item[] {
    const length = this.int32()
    if (length > this.#bytes.length - this.#at) throw new WireError(`an array of ${length} elements`)
    return Array.from({ length: Math.max(0, length) }, read)
  }

  topicPartitions(): readonly [string, readonly number[]] {
    return [this.string(), this.array(() => this.int32())]
  }

  #take(length: number): Buffer {
    if (length < 0 || length > this.#bytes.length - this.#at)
      throw new WireError(`a field of ${length} bytes`)
    const taken = this.#bytes.subarray(this.#at, this.#at + length)
    this.#at += length
    return taken
  }
}
