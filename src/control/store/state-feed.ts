import { type PlacementDocument, placementETag } from '../../core/placement.ts'
import { Mutex } from '../apply/mutex.ts'
import type {
  ControlState,
  ControlStore,
  ResourceKind,
  StoredPlacement,
  StoredResource,
  StorePosition,
  StoreSnapshot,
} from './control-store.ts'
import { documentOf } from './sql-store.ts'

export interface PublishedPlacement {
  readonly document: PlacementDocument
  readonly etag: string
  /** The document as JSON, made once for all who ask. */
  readonly body: string
}

/**
 * The last committed state in memory, and those who wait for the next one. Reads are answered from here, on the leader and on a standby,
 * and while the store is away. A waiter is one timer and one entry in a set, so hundreds are cheap; a commit wakes all at once.
 */
export class StateFeed {
  readonly #store: ControlStore
  readonly #waiters = new Set<() => void>()
  readonly #refreshing = new Mutex()
  #snapshot: StoreSnapshot
  #published: PublishedPlacement
  #position: StorePosition
  #draining = false

  private constructor(store: ControlStore, snapshot: StoreSnapshot) {
    this.#store = store
    this.#snapshot = snapshot
    this.#position = snapshot.position
    this.#published = publish(store.storeId, snapshot)
  }

  static async open(store: ControlStore): Promise<StateFeed> {
    return new StateFeed(store, await store.snapshot())
  }

  get current(): PublishedPlacement {
    return this.#published
  }

  get state(): ControlState {
    return this.#snapshot.state
  }

  get placements(): readonly StoredPlacement[] {
    return this.#snapshot.placements
  }

  get position(): StorePosition {
    return this.#position
  }

  get waiting(): number {
    return this.#waiters.size
  }

  get<Kind extends ResourceKind>(kind: Kind, name: string): StoredResource<Kind> | undefined {
    return this.state[kind].get(name)
  }

  /** Up to `limit` resources by name, from the first one after `after`. */
  list<Kind extends ResourceKind>(
    kind: Kind,
    limit: number,
    after: string | undefined,
  ): readonly StoredResource<Kind>[] {
    const all = [...this.state[kind].values()]
    const from = after === undefined ? 0 : all.findIndex(({ spec }) => spec.name > after)
    return from < 0 ? [] : all.slice(from, from + limit)
  }

  /** Reads anew what has changed, and wakes everybody when something has. Throws `StoreError`; then everything stays as it was. */
  async refresh(): Promise<void> {
    await this.#refreshing.run(async () => {
      const position = await this.#store.position()
      if (compare(position, this.#position) <= 0) return
      if (compare({ ...position, lastEvent: 0 }, { ...this.#position, lastEvent: 0 }) > 0) {
        const snapshot = await this.#store.snapshot()
        this.#snapshot = snapshot
        this.#published = publish(this.#store.storeId, snapshot)
        this.#position = snapshot.position
      } else this.#position = position
      this.#wake()
    })
  }

  /** Lets everybody go, and nobody waits from now on. */
  drain(): void {
    this.#draining = true
    this.#wake()
  }

  get draining(): boolean {
    return this.#draining
  }

  /** Resolves when a change has made `hasNews` true, after `waitMs`, when `gone` aborts, or at once while draining; never rejects. */
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
      gone.removeEventListener('abort', look)
    }
  }

  #wake(): void {
    for (const look of this.#waiters) look()
  }
}

/** Term first: a store restored from a backup goes back in everything else, and only a new leader makes that count. */
function compare(a: StorePosition, b: StorePosition): number {
  return (
    a.leadership.term - b.leadership.term ||
    a.version - b.version ||
    a.revision - b.revision ||
    a.lastEvent - b.lastEvent
  )
}

function publish(storeId: string, snapshot: StoreSnapshot): PublishedPlacement {
  const document = documentOf(storeId, snapshot)
  return { document, etag: placementETag(document), body: JSON.stringify(document) }
}
