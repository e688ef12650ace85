import { Problem } from '../../core/problems.ts'

/** Room in the buffer that a request holds while its body is read. */
export interface Reservation {
  readonly heldBytes: number
  /** Takes more room, or throws the problem that answers the request (429, or 413 when it could never fit). */
  grow(bytes: number): void
}

/** Room is taken in these steps while nobody knows how long a body will be (semantics "Bodies"). */
export const stepBytes = 64 * 1024

/**
 * Collects a body whose chunks come one by one. The first chunk is kept as it is, so that a body of one chunk is never copied;
 * from the second on bytes are copied into blocks of known size, because thousands of tiny chunks would cost far more than their bytes.
 */
export class Staging {
  readonly #reservation: Reservation
  readonly #maxBytes: number
  readonly #expectedBytes: number | undefined
  #only: Buffer | undefined
  #full: Buffer[] = []
  #block: Buffer | undefined
  #used = 0
  #total = 0

  /** `expectedBytes`: the length when it is known; must be reserved already and is never passed. */
  constructor(reservation: Reservation, maxBytes: number, expectedBytes: number | undefined) {
    this.#reservation = reservation
    this.#maxBytes = maxBytes
    this.#expectedBytes = expectedBytes
  }

  /** Takes the chunk over. Throws 413 past the limit, or what `Reservation.grow` throws. */
  add(chunk: Buffer): void {
    const total = this.#total + chunk.length
    if (total > this.#maxBytes) throw tooLarge(this.#maxBytes)
    while (total > this.#reservation.heldBytes) this.#reservation.grow(stepBytes)
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

  /** The whole body. Nothing may be added afterwards. */
  take(): Buffer {
    if (this.#only !== undefined) return this.#only
    if (this.#block === undefined) return nothing
    const last = this.#block.subarray(0, this.#used)
    return this.#full.length === 0 ? last : Buffer.concat([...this.#full, last], this.#total)
  }

  #copy(chunk: Buffer): void {
    let from = 0
    while (from < chunk.length) {
      if (this.#block === undefined || this.#used === this.#block.length) this.#nextBlock()
      const block = this.#block ?? nothing
      const copied = chunk.copy(block, this.#used, from)
      this.#used += copied
      from += copied
    }
  }

  #nextBlock(): void {
    if (this.#block !== undefined) this.#full.push(this.#block)
    this.#block = Buffer.allocUnsafeSlow(this.#expectedBytes ?? stepBytes)
    this.#used = 0
  }
}

const nothing = Buffer.alloc(0)

export function tooLarge(maxBytes: number): Problem {
  return new Problem('too-large', `The body is larger than ${maxBytes} bytes.`)
}
