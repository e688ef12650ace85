/**
 * Where the events of one body are, as pairs of offsets: made once, grown, and used again for each request, so that splitting makes
 * no object per event. Holds no reference to the body. Whoever fills it owns it until the request is decided, which never waits.
 */
export class EventBounds {
  /** `[start0, end0, start1, end1, …]`, ends exclusive. */
  pairs = new Int32Array(2 * usualEvents)
  /** For each event a `ScanFault`, or `unjudged`: known already when `scanned`. */
  faults = new Int8Array(usualEvents)
  count = 0
  /** The events were found by scanning their structure: `faults` tells the result, and nobody need look again at those that are judged. */
  scanned = false

  /** Forgets the last request, and gives back the memory of an unusually long one. */
  clear(): void {
    this.count = 0
    this.scanned = false
    if (this.faults.length > keptEvents) {
      this.pairs = new Int32Array(2 * usualEvents)
      this.faults = new Int8Array(usualEvents)
    }
  }

  add(start: number, end: number, fault = 0): void {
    const at = this.count
    if (at === this.faults.length) this.#grow()
    this.pairs[2 * at] = start
    this.pairs[2 * at + 1] = end
    this.faults[at] = fault
    this.count = at + 1
  }

  /** Adds the first `count` of `pairs`, which are as here, with their faults. */
  addMany(pairs: Int32Array, faults: Int8Array, count: number): void {
    for (let index = 0; index < count; index += 1) {
      this.add(pairs[2 * index] as number, pairs[2 * index + 1] as number, faults[index])
    }
  }

  #grow(): void {
    const pairs = new Int32Array(2 * this.pairs.length)
    const faults = new Int8Array(2 * this.faults.length)
    pairs.set(this.pairs)
    faults.set(this.faults)
    this.pairs = pairs
    this.faults = faults
  }
}

const usualEvents = 1024
/** 9 bytes each: about half a MiB is kept at most between requests. */
const keptEvents = 65_536
