import { appendFileSync } from 'node:fs'
import type { RunningProxy } from '../integration/proxy-support.ts'
import type { Verdict } from './fault-checker.ts'
import { residentBytes } from './fault-memory.ts'
import type { Cleanup } from './temporary-folder.ts'

/** What one run of one test counted. Events, except `refused` (requests). */
export interface RowFigures {
  readonly name: string
  readonly accepted: number
  readonly lostFast: number
  readonly lostDurable: number
  readonly duplicates: number
  readonly resent: number
  readonly refused: number
  /** Highest resident memory of any proxy of the row; 0 when none was looked at. */
  readonly maxRssMiB: number
  /** Further figures of this row, with their units in the names. */
  readonly more: Readonly<Record<string, number>>
}

interface Judged {
  readonly durable: boolean
  readonly refused: number
  readonly verdict: Verdict
}

/** Collects what one test counts and hands it to the runner when the test is over; nothing is kept of a file that is run alone. */
export class FigureKeeper {
  readonly more: Record<string, number> = {}
  readonly #name: string
  readonly #proxies: RunningProxy[] = []
  readonly #judged = new Map<string, Judged>()
  readonly #resent = new Map<string, number>()
  #peakBytes = 0

  /** `owner`'s hooks run the last one first: proxies started by now are looked at before they are ended. */
  constructor(name: string, owner: Cleanup, proxy: RunningProxy) {
    this.#name = name
    this.#proxies.push(proxy)
    owner.after(() => this.#keep())
  }

  watch(proxy: RunningProxy): void {
    this.#proxies.push(proxy)
  }

  /** Remembers the proxies' memory, as those that have ended cannot be asked. */
  look(): void {
    for (const { process } of this.#proxies)
      if (process.running) this.#peakBytes = Math.max(this.#peakBytes, residentBytes(process.pid).peak)
  }

  /** The last word on a topic. */
  judged(topic: string, judged: Judged): void {
    this.#judged.set(topic, judged)
  }

  resent(topic: string, events: number): void {
    this.#resent.set(topic, events)
  }

  #keep(): void {
    const file = process.env.TEST_FAULT_FIGURES
    if (file === undefined) return
    this.look()
    const all = [...this.#judged.values()]
    const sum = (values: Iterable<number>) => [...values].reduce((total, value) => total + value, 0)
    const figures: RowFigures = {
      name: this.#name,
      accepted: sum(all.map(({ verdict }) => verdict.accepted)),
      lostFast: sum(all.map(({ verdict, durable }) => (durable ? 0 : verdict.lost))),
      lostDurable: sum(all.map(({ verdict, durable }) => (durable ? verdict.lost : 0))),
      duplicates: sum(all.map(({ verdict }) => verdict.duplicates)),
      resent: sum(this.#resent.values()),
      refused: sum(all.map(({ refused }) => refused)),
      maxRssMiB: Math.round(this.#peakBytes / 2 ** 20),
      more: this.more,
    }
    appendFileSync(file, `${JSON.stringify(figures)}\n`)
  }
}
