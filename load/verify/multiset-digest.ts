import { hash } from 'node:crypto'

const mask = (1n << 128n) - 1n

/**
 * A digest of a multiset of byte strings: the sum of the first 128 bits of each one's SHA-256, modulo 2^128, with the count and the
 * total of bytes. The order does not matter, a missing, a repeated or an altered one does (a sum where XOR would lose pairs).
 */
export class MultisetDigest {
  count = 0
  bytes = 0
  #sum = 0n

  add(event: Uint8Array): void {
    const digest = hash('sha256', event, 'buffer')
    this.count += 1
    this.bytes += event.length
    this.#sum = (this.#sum + ((digest.readBigUInt64BE(0) << 64n) | digest.readBigUInt64BE(8))) & mask
  }

  /** Takes all of another one in. */
  merge(other: MultisetDigest): void {
    this.count += other.count
    this.bytes += other.bytes
    this.#sum = (this.#sum + other.#sum) & mask
  }

  /** 32 hexadecimal digits, a dash, the count. */
  toString(): string {
    return `${this.#sum.toString(16).padStart(32, '0')}-${this.count}`
  }

  equals(other: MultisetDigest): boolean {
    return this.bytes === other.bytes && this.toString() === other.toString()
  }
}
