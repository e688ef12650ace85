import { assess } from '../../src/control/failover/assess.ts'
import type { ProxyVoice, WatchedBroker, WatchWindow } from '../../src/control/failover/evidence.ts'
import { type ClusterHistory, emptyHistory, observe } from '../../src/control/failover/history.ts'
import { defaultRules } from '../../src/control/failover/rules.ts'
import { Watches } from '../../src/control/watch/watches.ts'
import { systemClock } from '../../src/core/clock.ts'
import { createLogger } from '../../src/telemetry/logger.ts'
import type { Cleanup } from '../support/temporary-folder.ts'
import { waitFor } from '../support/wait-for.ts'

export interface WatchBedOptions {
  readonly name: string
  readonly bootstrap: readonly string[]
  readonly topics?: ReadonlySet<string>
  readonly groups?: ReadonlyMap<string, string>
}

/**
 * One cluster watched as the control plane's loop does it, a window a second. The proxies of this bed always say that nothing gets
 * through, so that whatever is decided is the watch's doing.
 */
export class WatchBed {
  readonly watches = new Watches({
    watch: `test-${process.pid}-${performance.now()}`,
    clock: systemClock,
    logger: createLogger('control-watch-test', 'fatal'),
  })
  readonly #options: WatchBedOptions
  readonly #timer: NodeJS.Timeout
  readonly #windows: WatchWindow[] = []
  #history: ClusterHistory = emptyHistory
  /** Seconds in which a move would have been due. */
  #due: string[] = []

  constructor(owner: Cleanup, options: WatchBedOptions) {
    this.#options = options
    this.follow({})
    this.#timer = setInterval(() => this.#tick(), 1000)
    owner.after(() => this.close())
  }

  follow({ topics, groups }: Partial<Pick<WatchBedOptions, 'topics' | 'groups'>>): void {
    const { name, bootstrap } = this.#options
    this.watches.follow([{ name, bootstrap, topics: topics ?? new Set(), groups: groups ?? new Map() }])
  }

  /** Windows so far; a place to look from on. */
  get seen(): number {
    return this.#windows.length
  }

  since(place: number): readonly WatchWindow[] {
    return this.#windows.slice(place)
  }

  get history(): ClusterHistory {
    return this.#history
  }

  /** Why moves would have been due since `forget`. */
  get due(): readonly string[] {
    return this.#due
  }

  forget(): void {
    this.#history = emptyHistory
    this.#due = []
  }

  /** The next `count` windows in a row for which `wanted` holds; gives the number of windows that came before them. */
  async until(
    describe: string,
    wanted: (window: WatchWindow) => boolean,
    { count = 1, timeoutMs = 60_000 } = {},
  ): Promise<number> {
    const place = this.seen
    return waitFor(
      () => {
        const windows = this.since(place)
        for (let first = 0; first + count <= windows.length; first += 1)
          if (windows.slice(first, first + count).every(wanted)) return { before: first }
        return undefined
      },
      { describe, timeoutMs, intervalMs: 100, state: () => this.since(place).slice(-12).map(inWords) },
    ).then(({ before }) => before)
  }

  async close(): Promise<void> {
    clearInterval(this.#timer)
    await this.watches.close()
  }

  #tick(): void {
    const nowMs = systemClock.monotonicMs()
    const watch = this.watches.window(this.#options.name)
    if (watch !== undefined) this.#windows.push(watch)
    const second = {
      atMs: nowMs,
      wallMs: systemClock.wallMs(),
      ...(watch === undefined ? {} : { watch }),
      reports: [stuckProxy(this.#options.name)],
      liveProxies: 1,
    }
    this.#history = observe(this.#history, second, defaultRules)
    const { due } = assess(this.#history, nowMs, defaultRules)
    if (due !== undefined) this.#due.push(due)
  }
}

export function answers(window: WatchWindow): readonly WatchedBroker['answer'][] {
  return [...window.brokers].sort((a, b) => a.id - b.id).map(({ answer }) => answer)
}

export function broker(window: WatchWindow, id: number): WatchedBroker | undefined {
  return window.brokers.find((one) => one.id === id)
}

/** Every one of `count` brokers answers and brings its canary back. */
export function isWell(window: WatchWindow, count: number): boolean {
  return (
    window.brokers.length === count &&
    window.brokers.every(({ id, answer, canary }) => id > 0 && answer === 'answered' && canary.ok > 0) &&
    window.brokers.every(({ canary }) => canary.failed + canary.lost + canary.duplicated === 0)
  )
}

function inWords({ brokers, partitions, quorum }: WatchWindow): string {
  const each = brokers.map(({ id, answer, canary: { ok, failed, lost, duplicated } }) => {
    return `${id} ${answer} ${ok} ok ${failed} failed ${lost} lost ${duplicated} twice`
  })
  return `${each.join(' | ')} | ${JSON.stringify(partitions)} | quorum ${quorum}`
}

function stuckProxy(cluster: string): ProxyVoice {
  const window = { cluster, acked: 0, failed: 5, dropped: 0, waiting: 10, oldestWaitMs: 900, brokers: [] }
  return { proxy: 'p1', windowMs: 1000, window }
}
