import type { Lane } from './lane.ts'
import type { ProduceResult } from './produce-request.ts'
import type { QueuedBatch } from './queued-batch.ts'
import type { TopicQueue } from './topic-queue.ts'

export interface AssembledBatch {
  /** Where it came from, and goes back to when it must be sent again. */
  readonly queue: TopicQueue
  readonly entry: QueuedBatch
  readonly partition: number
  readonly bytes: Buffer
}

/** A request being put together for one lane. */
export interface Assembly {
  readonly lane: Lane
  readonly batches: AssembledBatch[]
  bytes: number
}

/**
 * The requests of one dispatch: small batches for the same lane share one, and a partition occurs once in each. The batches of a topic
 * must be added one after the other.
 */
export class Assemblies {
  readonly #open = new Map<Lane, Assembly>()
  readonly #requestBytes: number
  readonly #send: (assembly: Assembly) => void

  /** `send` is called as soon as a request has grown to `requestBytes`, and for the rest by `flush`. */
  constructor(requestBytes: number, send: (assembly: Assembly) => void) {
    this.#requestBytes = requestBytes
    this.#send = send
  }

  /** Bytes on the wire and in the open request. */
  queuedBytes(lane: Lane): number {
    return lane.queuedBytes + (this.#open.get(lane)?.bytes ?? 0)
  }

  /** Whether a batch for this partition can go to the lane now. */
  hasRoom(lane: Lane, topic: string, partition: number): boolean {
    return lane.hasRoom() && !holds(this.#open.get(lane), topic, partition)
  }

  add(lane: Lane, batch: AssembledBatch): void {
    let assembly = this.#open.get(lane)
    if (assembly === undefined) {
      assembly = { lane, batches: [], bytes: 0 }
      this.#open.set(lane, assembly)
    }
    assembly.batches.push(batch)
    assembly.bytes += batch.bytes.length
    if (assembly.bytes < this.#requestBytes) return
    this.#open.delete(lane)
    this.#send(assembly)
  }

  flush(): void {
    const rest = [...this.#open.values()]
    this.#open.clear()
    for (const assembly of rest) this.#send(assembly)
  }
}

/** The topic's batches stand at the end. */
function holds(assembly: Assembly | undefined, topic: string, partition: number): boolean {
  if (assembly === undefined) return false
  for (let index = assembly.batches.length - 1; index >= 0; index -= 1) {
    const batch = assembly.batches[index]
    if (batch === undefined || batch.entry.batch.topic !== topic) return false
    if (batch.partition === partition) return true
  }
  return false
}

/** Finds the result of a topic-partition; brokers answer in an order of their own, the partitions of a topic together. */
export function resultFinder(
  results: readonly ProduceResult[],
): (topic: string, partition: number) => ProduceResult | undefined {
  const [only] = results
  if (only !== undefined && results.length === 1) {
    return (topic, partition) => (only.topic === topic && only.partition === partition ? only : undefined)
  }
  const firstOf = new Map<string, number>()
  for (const [index, { topic }] of results.entries()) if (!firstOf.has(topic)) firstOf.set(topic, index)
  return (topic, partition) => {
    const first = firstOf.get(topic)
    if (first === undefined) return undefined
    for (let index = first; results[index]?.topic === topic; index += 1) {
      if (results[index]?.partition === partition) return results[index]
    }
    return undefined
  }
}
