/** Offsets that one leader acknowledged to us, without a gap: `[base, end)`. */
interface AcknowledgedRange {
  readonly base: number
  end: number
  /** The leader's epoch as the metadata had it when the request was sent. */
  readonly epoch: number
  /** Of the last batch in it: where it begins, and its CRC32C, by which it is known again. */
  lastBase: number
  lastCrc: number
}

/** A leader's word about an epoch (KIP-101, OffsetForLeaderEpoch): what it holds of that epoch and earlier ones ends here. */
export interface EpochEnd {
  readonly partition: number
  /** −1 = it cannot tell. */
  readonly endOffset: number
}

/** Batch at `offset` whose fate must be looked up, because the epoch alone says that it is gone. */
export interface Suspect {
  readonly offset: number
  readonly crc: number
}

const mostRanges = 64

/**
 * The end of what one partition acknowledged to this process: enough to say, after its leader changed, how much of that the new leader
 * does not hold. Other producers write in between, so only our own offsets count. What falls out at the old end is taken for replicated.
 * Contiguous batches are one range, so a single producer needs one entry.
 */
export class AcknowledgedTail {
  readonly #ranges: AcknowledgedRange[] = []
  /** The leader epoch up to which everything here was looked up. */
  checkedEpoch = -1

  /** `bytes`: the record batch as it was sent. One that an older leader acknowledged late is looked up again. */
  add(epoch: number, baseOffset: number, records: number, bytes: Buffer): void {
    const crc = bytes.readUInt32BE(crcAt)
    const last = this.#ranges.at(-1)
    if (this.checkedEpoch < 0 || epoch < this.checkedEpoch) this.checkedEpoch = epoch
    if (last !== undefined && last.epoch === epoch && last.end === baseOffset) {
      last.end += records
      last.lastBase = baseOffset
      last.lastCrc = crc
      return
    }
    this.#ranges.push({
      base: baseOffset,
      end: baseOffset + records,
      epoch,
      lastBase: baseOffset,
      lastCrc: crc,
    })
    if (this.#ranges.length > mostRanges) this.#ranges.shift()
  }

  get isEmpty(): boolean {
    return this.#ranges.length === 0
  }

  /** Whether a leader of this epoch may hold less than what was acknowledged. */
  needsCheck(leaderEpoch: number): boolean {
    return this.#ranges.length > 0 && leaderEpoch > this.checkedEpoch
  }

  /** The newest epoch of ours, to ask the new leader about. */
  get newestEpoch(): number {
    return Math.max(-1, ...this.#ranges.map(({ epoch }) => epoch))
  }

  /**
   * The newest batch that the epoch's end says is gone; `undefined` = none is. It must be looked up: a leader that was deposed and elected
   * again between two looks at the metadata acknowledged under a later epoch than we noted.
   */
  suspect(endOffset: number): Suspect | undefined {
    const last = this.#ranges.findLast(({ end }) => end > endOffset)
    return last === undefined ? undefined : { offset: last.lastBase, crc: last.lastCrc }
  }

  /** The suspect is there after all, and with it everything before it: a log has no holes. */
  confirm({ offset }: Suspect): void {
    const at = this.#ranges.findLastIndex(({ lastBase }) => lastBase === offset)
    this.#ranges.splice(0, at + 1)
  }

  /** Records acknowledged to us at or after this offset: they are gone, and forgotten here. */
  cutOff(endOffset: number): number {
    let lost = 0
    for (let at = this.#ranges.length - 1; at >= 0; at -= 1) {
      const range = this.#ranges[at] as AcknowledgedRange
      if (range.end <= endOffset) continue
      lost += range.end - Math.max(range.base, endOffset)
      this.#ranges.splice(at, 1)
    }
    return lost
  }
}

/** Of a record batch v2 (KIP-98): behind base offset, length, leader epoch and magic. */
const crcAt = 17
