import type { BufferSource } from '../../kafka/record-batch-builder.ts'
import { SharedLimit } from './shared-limit.ts'

export interface MemoryBudgetOptions {
  /** For everything from accept to outcome: bodies being read, and allocated batch memory. */
  readonly limitBytes: number
  /** Freed buffers kept for reuse, beyond the limit. */
  readonly poolBytes: number
}

const smallestBuffer = 4096
/** Larger buffers are allocated to measure and not kept. */
const largestPooled = 2 ** 20
const largeStep = 65_536
/** No topic is refused below this while others want room. */
const smallestShareBytes = 2 ** 20

/**
 * Memory of one proxy process in bytes, per topic, per cluster and in total; counts allocated capacity, not payload (semantics "Bodies").
 * Refuses instead of waiting. Shares bind once the buffer is half full, so that a flooding topic is refused first.
 */
export class MemoryBudget {
  readonly bytes: SharedLimit
  readonly #poolLimitBytes: number
  readonly #free = new Map<number, Buffer[]>()
  #pooledBytes = 0

  constructor({ limitBytes, poolBytes }: MemoryBudgetOptions) {
    this.bytes = new SharedLimit({ limit: limitBytes, smallestShare: smallestShareBytes })
    this.#poolLimitBytes = poolBytes
  }

  get limitBytes(): number {
    return this.bytes.limit
  }

  get usedBytes(): number {
    return this.bytes.used
  }

  topicBytes(topic: string): number {
    return this.bytes.ofTopic(topic)
  }

  /** Topics that hold memory now. */
  topics(): Iterable<string> {
    return this.bytes.topics()
  }

  /** Whether `bytes` more fit, in total and in the shares. */
  hasRoom(topic: string, bytes: number): boolean {
    return this.bytes.hasRoom(topic, bytes)
  }

  charge(topic: string, bytes: number): void {
    this.bytes.add(topic, bytes)
  }

  release(topic: string, bytes: number): void {
    this.bytes.remove(topic, bytes)
  }

  /** Batch memory of one topic: charged when taken, released when given back. */
  sourceFor(topic: string): BufferSource {
    return {
      take: (bytes) => {
        const buffer = this.#take(capacityFor(bytes))
        this.charge(topic, buffer.length)
        return buffer
      },
      give: (buffer) => {
        this.release(topic, buffer.length)
        this.#give(buffer)
      },
    }
  }

  #take(bytes: number): Buffer {
    const pooled = this.#free.get(bytes)?.pop()
    if (pooled === undefined) return Buffer.allocUnsafeSlow(bytes)
    this.#pooledBytes -= bytes
    return pooled
  }

  #give(buffer: Buffer): void {
    if (buffer.length > largestPooled || this.#pooledBytes + buffer.length > this.#poolLimitBytes) return
    this.#pooledBytes += buffer.length
    const free = this.#free.get(buffer.length)
    if (free === undefined) this.#free.set(buffer.length, [buffer])
    else free.push(buffer)
  }
}

/** Allocated size for a wish: powers of two, so that freed buffers fit again; large ones to the next 64 KiB. At most twice the wish, from 4 KiB on. */
export function capacityFor(bytes: number): number {
  if (bytes > largestPooled) return Math.ceil(bytes / largeStep) * largeStep
  let capacity = smallestBuffer
  while (capacity < bytes) capacity *= 2
  return capacity
}

/** Upper bound of the batch memory that `bytes` more of encoded events can take, however they fall into batches. */
export function growthBound(bytes: number): number {
  return 2 * bytes + 2 * smallestBuffer
}
