import type { Lane } from './lane.ts'
import type { QueuedBatch } from './queued-batch.ts'

export interface AssembledBatch {
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

/** The requests of one dispatch: small batches for the same lane share one, and a partition occurs once in each. */
export class Assemblies {
  readonly #open = new Map<Lane, Assembly & { readonly keys: Set<string> }>()
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
    return lane.hasRoom() && !(this.#open.get(lane)?.keys.has(partitionKey(topic, partition)) ?? false)
  }

  add(lane: Lane, batch: AssembledBatch): void {
    let assembly = this.#open.get(lane)
    if (assembly === undefined) {
      assembly = { lane, batches: [], keys: new Set(), bytes: 0 }
      this.#open.set(lane, assembly)
    }
    assembly.batches.push(batch)
    assembly.keys.add(partitionKey(batch.entry.batch.topic, batch.partition))
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

/** Topic and partition as a key of a map. */
export function partitionKey(topic: string, partition: number): string {
  return `${partition}/${topic}`
}
