import { type PlacementDocument, placementETag } from '../../core/placement.ts'
import type { ControlStore } from '../store/control-store.ts'

export interface PublishedPlacement {
  readonly document: PlacementDocument
  readonly etag: string
  /** The document as JSON, made once for all who ask. */
  readonly body: string
}

/**
 * The last committed placement, and those who wait for the next one. A waiter is one timer and one entry in a set, so hundreds are
 * cheap; a commit wakes all at once.
 */
export class PlacementFeed {
  readonly #store: ControlStore
  readonly #waiters = new Set<() => void>()
  #published: PublishedPlacement
  #draining = false

  private constructor(store: ControlStore, published: PublishedPlacement) {
    this.#store = store
    this.#published = published
  }

  static async open(store: ControlStore): Promise<PlacementFeed> {
    return new PlacementFeed(store, publish(await store.placement()))
  }

  get current(): PublishedPlacement {
    return this.#published
  }

  get waiting(): number {
    return this.#waiters.size
  }

  /** After a commit: reads the document anew and wakes everybody. */
  async refresh(): Promise<void> {
    this.#published = publish(await this.#store.placement())
    this.#wake()
  }

  /** Lets everybody go, and nobody waits from now on. */
  drain(): void {
    this.#draining = true
    this.#wake()
  }

  /** Resolves when a commit has made `hasNews` true, after `waitMs`, when `gone` aborts, or at once while draining; never rejects. */
  async until(hasNews: () => boolean, waitMs: number, gone: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    const look = () => {
      if (this.#draining || gone.aborted || hasNews()) resolve()
    }
    const timer = setTimeout(resolve, waitMs)
    this.#waiters.add(look)
    gone.addEventListener('abort', look, { once: true })
    look()
    try {
      await promise
    } finally {
      clearTimeout(timer)
      this.#waiters.delete(look)
    }
  }

  #wake(): void {
    for (const look of this.#waiters) look()
  }
}

function publish(document: PlacementDocument): PublishedPlacement {
  return { document, etag: placementETag(document), body: JSON.stringify(document) }
}
