import { MultisetDigest } from './multiset-digest.ts'

/** Digits of the running number in an event's id. */
const digits = 8

/** The id of event `index` of a run: fixed width, so that it is found in the bytes without parsing. */
export function eventId(run: string, index: number): string {
  return `${run}-${String(index).padStart(digits, '0')}`
}

/**
 * What of one run has arrived at one place. Events begin with `{"id":"<run>-<8 digits>"`; those of other runs are passed over, so a
 * topic may hold anything else.
 */
export class Arrivals {
  readonly digest = new MultisetDigest()
  /** Different events of the run. */
  distinct = 0
  /** Arrivals of an event that was there already. */
  duplicates = 0
  /** Of this run by the beginning, but with a number that was never sent. */
  strange = 0
  readonly #prefix: Buffer
  readonly #seen: Uint8Array
  #wanted: number

  /** `total`: numbers 0 to total − 1 may come; `wanted`: how many of them are to come here. */
  constructor(run: string, total: number, wanted = total) {
    this.#prefix = Buffer.from(`{"id":"${run}-`)
    this.#seen = new Uint8Array(total)
    this.#wanted = wanted
  }

  get complete(): boolean {
    return this.distinct >= this.#wanted
  }

  get missing(): number {
    return Math.max(0, this.#wanted - this.distinct)
  }

  /** Whether the event with this running number has come. */
  has(index: number): boolean {
    return (this.#seen[index] ?? 0) > 0
  }

  /** False when the event belongs to another run. */
  add(event: Buffer): boolean {
    const { length } = this.#prefix
    if (event.length < length + digits || event.compare(this.#prefix, 0, length, 0, length) !== 0)
      return false
    this.digest.add(event)
    const index = Number(event.toString('latin1', length, length + digits))
    const before = this.#seen[index]
    if (before === undefined) this.strange += 1
    else {
      if (before === 0) this.distinct += 1
      else this.duplicates += 1
      this.#seen[index] = Math.min(255, before + 1)
    }
    return true
  }
}
