import type { Clock } from '../../src/core/clock.ts'

/** Another cluster that holds the topic and is to be emptied first. */
export interface DrainedHolder {
  readonly clusterId: string
  /**
   * Looked up after the call, for each of these partitions: where its log ends, and whether the route has delivered everything before
   * that. A partition that could not be looked up is left out. Never rejects.
   */
  look(partitions: readonly number[]): Promise<ReadonlyMap<number, HolderPartition>>
  /** How long no broker of it has answered, in milliseconds; 0 = it does. */
  awayMs(): number
}

export interface HolderPartition {
  readonly end: number
  readonly drained: boolean
}

export interface DrainGateOptions {
  readonly holders: readonly DrainedHolder[]
  readonly clock: Clock
  readonly inform: (detail: Readonly<Record<string, unknown>>, message: string) => void
  readonly times?: Partial<DrainGateTimes>
}

export interface DrainGateTimes {
  /** Between two looks while something waits. */
  readonly lookMs: number
  /** The same while nothing waits. */
  readonly idleLookMs: number
  /** A log that was empty and stood still for so long will not grow any more: as long as a proxy's lease. */
  readonly stillMs: number
  /** A holder that does not answer for so long is not waited for: it is an outage now, which keeps order per cluster only. */
  readonly awayLimitMs: number
}

const defaultTimes: DrainGateTimes = {
  lookMs: 250,
  idleLookMs: 1_000,
  stillMs: 10_000,
  awayLimitMs: 30_000,
}

interface Watched {
  waiting: (() => void)[]
  /** Ends of all holders, as one text; since when they are so, drained. */
  ends: string
  stillSinceMs: number | undefined
  open: boolean
}

/**
 * Keeps the order of keys over a planned move (`drainFirst`; semantics "Failover and failback"): a chunk read from the new cluster is
 * delivered only after the old ones were seen empty at a time when it had been read already.
 *
 * That is enough, however late a proxy hears of the move: it settles what it sent to the old cluster before it writes the key to the new
 * one, so whatever came before a record of the new cluster is in the old log by the time that record can be read. What routes have
 * delivered is what their groups have committed on the old cluster, so it holds across routers. A partition whose old logs were empty and
 * stood still for longer than a lease is not watched any more.
 */
export class DrainGate {
  readonly #options: DrainGateOptions
  readonly #times: DrainGateTimes
  readonly #partitions = new Map<number, Watched>()
  #timer: NodeJS.Timeout | undefined
  #looking = false
  #closed = false
  #told = false

  constructor(options: DrainGateOptions) {
    this.#options = options
    this.#times = { ...defaultTimes, ...options.times }
  }

  /** Called when something of the partition was read, or is to be; `undefined` = it may be delivered now. */
  admit(partition: number): Promise<void> | undefined {
    if (this.#closed) return undefined
    let watched = this.#partitions.get(partition)
    if (watched === undefined) {
      watched = { waiting: [], ends: '', stillSinceMs: undefined, open: false }
      this.#partitions.set(partition, watched)
    }
    if (watched.open) return undefined
    const { promise, resolve } = Promise.withResolvers<void>()
    watched.waiting.push(resolve)
    this.#lookIn(0)
    return promise
  }

  /** Something waits for the old clusters. */
  get holdsBack(): boolean {
    return [...this.#partitions.values()].some(({ waiting }) => waiting.length > 0)
  }

  /** Lets everything through from now on: the placement asks for no order any more, or the job ends. */
  open(): void {
    this.#closed = true
    clearTimeout(this.#timer)
    for (const watched of this.#partitions.values()) release(watched)
  }

  #lookIn(delayMs: number): void {
    if (this.#closed || this.#looking) return
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => void this.#look(), delayMs)
    this.#timer.unref()
  }

  async #look(): Promise<void> {
    this.#looking = true
    const asked = [...this.#partitions].filter(([, { open }]) => !open)
    // Those that come while we ask were read later than what we learn.
    const admitted = new Map(asked.map(([partition, watched]) => [partition, watched.waiting]))
    for (const [, watched] of asked) watched.waiting = []
    const partitions = asked.map(([partition]) => partition)
    const seen = await Promise.all(this.#present().map((holder) => holder.look(partitions)))
    for (const [partition, watched] of asked) {
      const found = seen.map((one) => one.get(partition))
      const drained = found.every((one) => one?.drained === true)
      this.#note(watched, drained ? found.map((one) => one?.end).join() : undefined)
      const waiting = admitted.get(partition) ?? []
      if (drained) for (const resolve of waiting) resolve()
      else watched.waiting.unshift(...waiting)
    }
    this.#looking = false
    if (this.#closed) this.open()
    else this.#next()
  }

  #next(): void {
    const { lookMs, idleLookMs } = this.#times
    const watched = [...this.#partitions.values()].filter(({ open }) => !open)
    if (watched.length > 0) this.#lookIn(this.holdsBack ? lookMs : idleLookMs)
  }

  #present(): readonly DrainedHolder[] {
    const { holders, inform } = this.#options
    const away = holders.filter((holder) => holder.awayMs() > this.#times.awayLimitMs)
    if (away.length > 0 && !this.#told) {
      this.#told = true
      const clusters = away.map(({ clusterId }) => clusterId)
      inform(
        { clusters },
        'a cluster that is to be emptied first is away: the order of keys over the move is given up',
      )
    }
    return holders.filter((holder) => !away.includes(holder))
  }

  /** `ends` is `undefined` while not all is delivered. */
  #note(watched: Watched, ends: string | undefined): void {
    const nowMs = this.#options.clock.monotonicMs()
    if (ends === undefined) watched.stillSinceMs = undefined
    else if (watched.stillSinceMs === undefined || watched.ends !== ends) {
      watched.stillSinceMs = nowMs
      watched.ends = ends
    } else if (nowMs - watched.stillSinceMs >= this.#times.stillMs) watched.open = true
    if (watched.open) release(watched)
  }
}

function release(watched: Watched): void {
  watched.open = true
  const { waiting } = watched
  watched.waiting = []
  for (const resolve of waiting) resolve()
}
