import { MultisetDigest } from './multiset-digest.ts'

/** What the client knows of an event: acknowledged, surely not taken, or offered without a clear answer. */
export type ClientFate = 'acknowledged' | 'refused' | 'unknown'

/** Events with running numbers `first` to `first + events − 1`, sent as one. */
export interface SentEvents {
  readonly first: number
  readonly events: number
  readonly digest: MultisetDigest
}

/** What one run offered to one server and how that answered: the side of the verifier that stands before Kafka. */
export class SentLog {
  readonly run: string
  /** Of all acknowledged events. */
  readonly digest = new MultisetDigest()
  readonly counts: Record<ClientFate, number> = { acknowledged: 0, refused: 0, unknown: 0 }
  readonly #ranges: { readonly first: number; readonly events: number; readonly fate: ClientFate }[] = []
  #total = 0

  constructor(run: string) {
    this.run = run
  }

  /** One more than the highest running number. */
  get total(): number {
    return this.#total
  }

  /** Once for each request, when its last answer is known. */
  note({ first, events, digest }: SentEvents, fate: ClientFate): void {
    this.#ranges.push({ first, events, fate })
    this.counts[fate] += events
    this.#total = Math.max(this.#total, first + events)
    if (fate === 'acknowledged') this.digest.merge(digest)
  }

  /** By running number; `undefined` = never sent. */
  fates(): (ClientFate | undefined)[] {
    const fates = new Array<ClientFate | undefined>(this.#total).fill(undefined)
    for (const { first, events, fate } of this.#ranges) fates.fill(fate, first, first + events)
    return fates
  }
}
