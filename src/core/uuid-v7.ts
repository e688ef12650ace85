const hex = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))

/** Characters of a UUID's text form. */
export const uuidLength = 36

/**
 * Makes UUIDv7 (RFC 9562 §5.7): they sort by time, so that an index of them stays compact. Random bits come in blocks, because asking
 * for them one id at a time costs more than everything else an event costs.
 */
export class UuidV7 {
  readonly #random = new Uint8Array(8192)
  #used = this.#random.length

  /** `wallMs` may go back; the random bits keep ids apart. */
  next(wallMs: number): string {
    if (this.#used + 10 > this.#random.length) {
      crypto.getRandomValues(this.#random)
      this.#used = 0
    }
    const at = this.#used
    this.#used += 10
    const byte = (offset: number) => this.#random[at + offset] ?? 0
    const time = Math.floor(wallMs).toString(16).padStart(12, '0').slice(-12)
    const version = `7${hex[byte(0)]?.[1]}${hex[byte(1)]}`
    const variant = `${hex[(byte(2) & 0x3f) | 0x80]}${hex[byte(3)]}`
    const tail = `${hex[byte(4)]}${hex[byte(5)]}${hex[byte(6)]}${hex[byte(7)]}${hex[byte(8)]}${hex[byte(9)]}`
    return `${time.slice(0, 8)}-${time.slice(8)}-${version}-${variant}-${tail}`
  }
}
