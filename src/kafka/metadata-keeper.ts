import { ClusterMetadata, type ClusterMetadataOptions, type RefreshResult } from './cluster-metadata.ts'

export interface MetadataKeeperOptions extends ClusterMetadataOptions {
  /** New metadata is there, all of it: look for work. */
  readonly onFresh: (result: RefreshResult) => void
  /** A part of it is there, where there are many topics. */
  readonly onPart?: () => void
  readonly onFailure: (error: unknown) => void
  /** Pause after the n-th failure in a row, 1 = the first; default always 300 ms. */
  readonly retryMs?: (failures: number) => number
}

const refreshMs = 60_000
const retryMs = 300

/** Decides when metadata is asked for: every minute, sooner when somebody needs it, again and again while no broker answers. */
export class MetadataKeeper {
  readonly metadata: ClusterMetadata
  readonly #options: MetadataKeeperOptions
  #timer: NodeJS.Timeout | undefined
  #dueMs = Number.POSITIVE_INFINITY
  #asking = false
  /** What somebody asked for while the brokers were asked. */
  #wishMs = Number.POSITIVE_INFINITY
  #failures = 0
  #closed = false

  constructor(options: MetadataKeeperOptions) {
    this.#options = options
    this.metadata = new ClusterMetadata(options)
    this.#askIn(refreshMs)
  }

  /** A leader changed or is not known. */
  askNow(): void {
    this.#askIn(0)
  }

  /** A partition has no leader: brokers need a moment to elect one. */
  askSoon(): void {
    this.#askIn(retryMs)
  }

  close(): void {
    this.#closed = true
    clearTimeout(this.#timer)
    this.metadata.close()
  }

  #askIn(delayMs: number): void {
    if (this.#asking) this.#wishMs = Math.min(this.#wishMs, delayMs)
    const dueMs = performance.now() + delayMs
    if (this.#closed || this.#asking || this.#dueMs <= dueMs) return
    clearTimeout(this.#timer)
    this.#dueMs = dueMs
    this.#timer = setTimeout(() => this.#ask(), delayMs)
    this.#timer.unref()
  }

  #ask(): void {
    this.#asking = true
    this.metadata.refresh(this.#options.onPart).then(
      (result) => {
        this.#failures = 0
        this.#next(Math.min(refreshMs, this.#wishMs))
        this.#options.onFresh(result)
      },
      (error: unknown) => {
        if (this.#closed) return
        this.#failures += 1
        this.#next(this.#options.retryMs?.(this.#failures) ?? retryMs)
        this.#options.onFailure(error)
      },
    )
  }

  #next(delayMs: number): void {
    this.#asking = false
    this.#wishMs = Number.POSITIVE_INFINITY
    this.#dueMs = Number.POSITIVE_INFINITY
    this.#askIn(delayMs)
  }
}
