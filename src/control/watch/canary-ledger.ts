import type { CanaryCounts } from '../failover/evidence.ts'

interface Sent {
  readonly sentAtMs: number
  ackedAtMs: number | undefined
  /** It is counted as ok or failed. */
  decided: boolean
}

/** Records that are remembered: ten minutes of them, as long as the topic keeps them. */
const remembered = 600

/**
 * What became of the canary records of one partition (rules "Canary"). Pure: the clock is an argument. Each record is `ok` or `failed`
 * once; one that was acknowledged is `lost` besides when a later one was read and it was not.
 */
export class CanaryLedger {
  readonly #readBackMs: number
  /** By index, ascending. Read ones are not in it any more. */
  readonly #sent = new Map<number, Sent>()
  /** Where each index was read, so that reading a place again is no duplicate. */
  readonly #readAt = new Map<number, number>()
  #next = 0
  #counts = emptyCounts()

  /** `readBackMs`: from the acknowledgement until it must be read. */
  constructor(readBackMs: number) {
    this.#readBackMs = readBackMs
  }

  /** A record goes out now; its index. */
  sent(nowMs: number): number {
    const index = this.#next
    this.#next += 1
    this.#sent.set(index, { sentAtMs: nowMs, ackedAtMs: undefined, decided: false })
    this.#forget()
    return index
  }

  acknowledged(index: number, nowMs: number): void {
    const sent = this.#sent.get(index)
    if (sent === undefined || sent.ackedAtMs !== undefined || sent.decided) return
    sent.ackedAtMs = nowMs
    this.#counts.produceMs = slower(this.#counts.produceMs, nowMs - sent.sentAtMs)
  }

  /** Refused, or unanswered at its limit; it may turn up nevertheless, which is then neither ok nor a duplicate. */
  failed(index: number): void {
    const sent = this.#sent.get(index)
    if (sent === undefined) return
    this.#fail(sent)
  }

  /** A record of ours was read at this offset. */
  read(index: number, offset: number, nowMs: number): void {
    const before = this.#readAt.get(index)
    if (before !== undefined) {
      if (before !== offset) this.#counts.duplicated += 1
      return
    }
    this.#readAt.set(index, offset)
    this.#missBefore(index)
    const sent = this.#sent.get(index)
    this.#sent.delete(index)
    if (sent === undefined || sent.ackedAtMs === undefined || sent.decided) return
    const tookMs = nowMs - sent.ackedAtMs
    this.#counts.consumeMs = slower(this.#counts.consumeMs, tookMs)
    if (tookMs <= this.#readBackMs) this.#counts.ok += 1
    else this.#fail(sent)
  }

  /** Call it when the broker was just asked for records: what it acknowledged long ago and did not give has failed. */
  settle(nowMs: number): void {
    for (const sent of this.#sent.values()) {
      if (sent.ackedAtMs !== undefined && nowMs - sent.ackedAtMs > this.#readBackMs) this.#fail(sent)
    }
  }

  /** Whether an acknowledged record was not read yet. */
  get awaitsReading(): boolean {
    for (const { ackedAtMs } of this.#sent.values()) if (ackedAtMs !== undefined) return true
    return false
  }

  /** What was decided since the last call. */
  take(): CanaryCounts {
    const { produceMs, consumeMs, ...counts } = this.#counts
    this.#counts = emptyCounts()
    return {
      ...counts,
      ...(produceMs === undefined ? {} : { produceMs }),
      ...(consumeMs === undefined ? {} : { consumeMs }),
    }
  }

  /** An acknowledged record lies before all that were sent after its acknowledgement, so it should have been read before them. */
  #missBefore(index: number): void {
    for (const [earlier, sent] of this.#sent) {
      if (earlier >= index) break
      this.#sent.delete(earlier)
      if (sent.ackedAtMs === undefined) continue
      this.#counts.lost += 1
      this.#fail(sent)
    }
  }

  #fail(sent: Sent): void {
    if (sent.decided) return
    sent.decided = true
    this.#counts.failed += 1
  }

  #forget(): void {
    this.#sent.delete(this.#next - 1 - remembered)
    this.#readAt.delete(this.#next - 1 - remembered)
  }
}

function emptyCounts() {
  return {
    ok: 0,
    failed: 0,
    lost: 0,
    duplicated: 0,
    produceMs: undefined as number | undefined,
    consumeMs: undefined as number | undefined,
  }
}

function slower(a: number | undefined, b: number): number {
  return a === undefined ? b : Math.max(a, b)
}
