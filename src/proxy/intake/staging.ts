import { freeAllMemory, freeMemory } from '../../core/free-memory.ts'
import { Problem } from '../../core/problems.ts'

/** Room in the buffer that a request holds while its body is read. */
export interface Reservation {
  /** Takes more room, or throws the problem that answers the request (429, or 413 when it could never fit). */
  grow(bytes: number): void
  /** Gives back a part of what was taken. */
  shrink(bytes: number): void
}

/** Room is taken in these steps while nobody knows how long a body will be (semantics "Bodies"). */
export const stepBytes = 64 * 1024

/**
 * Collects a body whose chunks come one by one. The first chunk is kept as it is, so that a body of one chunk is never copied;
 * from the second on bytes are copied into blocks of known size, because thousands of tiny chunks would cost far more than their bytes.
 *
 * It owns the memory of the body from the first chunk until `dispose`, which frees it there and then: what is left to the garbage
 * collector stands there, uncounted, until 64 MiB of it have gathered.
 */
export class Staging {
  readonly #reservation: Reservation
  readonly #maxBytes: number
  readonly #expectedBytes: number | undefined
  #heldBytes: number
  #only: Buffer | undefined
  #blocks: Buffer[] = []
  /** Of the last block. */
  #used = 0
  #total = 0
  #taken = false

  /** `expectedBytes`: the length when it is known; must be reserved already and is never passed. */
  constructor(reservation: Reservation, maxBytes: number, expectedBytes: number | undefined) {
    this.#reservation = reservation
    this.#maxBytes = maxBytes
    this.#expectedBytes = expectedBytes
    this.#heldBytes = expectedBytes ?? 0
  }

  /** Takes the chunk over. Throws 413 past the limit, or what `Reservation.grow` throws. */
  add(chunk: Buffer): void {
    const total = this.#total + chunk.length
    try {
      if (total > this.#maxBytes) throw tooLarge(this.#maxBytes)
      while (total > this.#heldBytes) this.#grow(stepBytes)
    } catch (error) {
      freeMemory(chunk)
      throw error
    }
    this.#total = total
    if (total === chunk.length) {
      this.#only = chunk
      return
    }
    if (this.#only !== undefined) {
      this.#copy(this.#only)
      this.#only = undefined
    }
    this.#copy(chunk)
  }

  /** The whole body, in memory that is valid until `dispose`. Call it when whoever made the chunks is done; nothing may be added afterwards. */
  take(): Buffer {
    this.#taken = true
    if (this.#only !== undefined) return this.#only
    const [first] = this.#blocks
    if (first === undefined) return nothing
    if (this.#blocks.length > 1) return this.#join()
    return first.subarray(0, this.#used)
  }

  /** Frees the body and gives its room back. */
  dispose(): void {
    // A chunk that is only a part of its memory may be written behind until its maker is done.
    if (this.#only !== undefined) (this.#taken ? freeAllMemory : freeMemory)(this.#only)
    this.#only = undefined
    for (const block of this.#blocks) freeMemory(block)
    this.#blocks = []
    this.giveRoomBack()
  }

  /** Gives its room back while the body is still there: for whoever puts it elsewhere before anything else can happen. Once more does nothing. */
  giveRoomBack(): void {
    if (this.#heldBytes > 0) this.#reservation.shrink(this.#heldBytes)
    this.#heldBytes = 0
  }

  #grow(bytes: number): void {
    this.#reservation.grow(bytes)
    this.#heldBytes += bytes
  }

  /** Blocks and their copy exist side by side for a moment, so both are reserved. */
  #join(): Buffer {
    this.#grow(this.#total)
    const whole = Buffer.allocUnsafeSlow(this.#total)
    let at = 0
    for (const block of this.#blocks) {
      at += block.copy(whole, at)
      freeMemory(block)
    }
    this.#blocks = [whole]
    this.#used = this.#total
    const spare = this.#heldBytes - this.#total
    this.#reservation.shrink(spare)
    this.#heldBytes -= spare
    return whole
  }

  #copy(chunk: Buffer): void {
    let from = 0
    while (from < chunk.length) {
      let block = this.#blocks.at(-1)
      if (block === undefined || this.#used === block.length) {
        block = Buffer.allocUnsafeSlow(this.#expectedBytes ?? stepBytes)
        this.#blocks.push(block)
        this.#used = 0
      }
      const copied = chunk.copy(block, this.#used, from)
      this.#used += copied
      from += copied
    }
    freeMemory(chunk)
  }
}

const nothing = Buffer.alloc(0)

export function tooLarge(maxBytes: number): Problem {
  return new Problem('too-large', `The body is larger than ${maxBytes} bytes.`)
}
