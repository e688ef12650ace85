import type { Clock } from '../../core/clock.ts'
import type { CanaryCounts } from '../failover/evidence.ts'
import type { BrokerAddress } from './broker-connection.ts'
import { BrokerLink } from './broker-link.ts'
import { CanaryRefusedError, offsetOutOfRange, produceCanary, readCanaries } from './canary-calls.ts'
import { CanaryLedger } from './canary-ledger.ts'
import { decodeCanary, encodeCanary } from './canary-record.ts'

export interface BrokerCanaryOptions {
  readonly address: BrokerAddress
  /** Of this watch: records of others are not ours. */
  readonly watch: string
  readonly clock: Clock
  /** Told what went wrong, for the log. */
  readonly onTrouble: (error: unknown) => void
}

/** Two seconds: one more chance to read it. */
const readBackMs = 2000

/** The canary of one broker: a record out and back in each round, over a connection of its own. */
export class BrokerCanary {
  readonly #options: BrokerCanaryOptions
  readonly #link: BrokerLink
  readonly #ledger = new CanaryLedger(readBackMs)
  #partition: number | undefined
  /** The offset to read from; `undefined` until the first record was acknowledged. */
  #position: number | undefined
  #busy = false

  constructor(options: BrokerCanaryOptions) {
    this.#options = options
    this.#link = new BrokerLink(options.address)
  }

  /** Never rejects; ends within `limitMs`. A round that is still under way is not doubled. */
  async round(partition: number, limitMs: number): Promise<void> {
    if (this.#busy) return
    this.#busy = true
    const endMs = this.#options.clock.monotonicMs() + limitMs
    if (partition !== this.#partition) this.#position = undefined
    this.#partition = partition
    try {
      const lastOffset = await this.#produce(partition, limitMs)
      if (lastOffset !== undefined || this.#ledger.awaitsReading)
        await this.#read(partition, lastOffset, endMs)
    } finally {
      this.#busy = false
    }
  }

  take(): CanaryCounts {
    return this.#ledger.take()
  }

  close(): void {
    this.#link.close()
  }

  /** Its offset, or `undefined` when it failed. */
  async #produce(partition: number, limitMs: number): Promise<number | undefined> {
    const { watch, clock, onTrouble } = this.#options
    const index = this.#ledger.sent(clock.monotonicMs())
    try {
      const value = encodeCanary({ watch, index, wallMs: clock.wallMs() })
      const offset = await produceCanary(this.#link, partition, value, limitMs)
      this.#ledger.acknowledged(index, clock.monotonicMs())
      // A smaller one: the log was cut off or made anew.
      this.#position = Math.min(this.#position ?? offset, offset)
      return offset
    } catch (error) {
      this.#ledger.failed(index)
      onTrouble(error)
      return undefined
    }
  }

  async #read(partition: number, lastOffset: number | undefined, endMs: number): Promise<void> {
    const { clock, onTrouble } = this.#options
    try {
      do {
        const position = this.#position
        const leftMs = endMs - clock.monotonicMs()
        if (position === undefined || leftMs <= 0) break
        const records = await readCanaries(this.#link, partition, position, leftMs)
        for (const { offset, value } of records) this.#take(offset, value)
        if (records.length === 0) break
      } while (lastOffset !== undefined && (this.#position ?? 0) <= lastOffset)
    } catch (error) {
      // Retention took what we had not read, or the log was cut off: go on with the next record.
      if (error instanceof CanaryRefusedError && error.code === offsetOutOfRange) this.#position = lastOffset
      onTrouble(error)
    }
    this.#ledger.settle(clock.monotonicMs())
  }

  #take(offset: number, value: Buffer | null): void {
    this.#position = offset + 1
    const record = decodeCanary(value)
    if (record?.watch === this.#options.watch)
      this.#ledger.read(record.index, offset, this.#options.clock.monotonicMs())
  }
}
