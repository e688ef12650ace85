import type { CommitOutcome } from '../../src/kafka/group-member.ts'
import type { CommittedPosition } from '../../src/kafka/group-offsets.ts'
import type { FlushFailure } from '../sink/sink.ts'

export interface CommitterOptions {
  readonly intervalMs: number
  /** What is delivered, of the partitions that are carried now. */
  readonly positions: () => ReadonlyMap<number, CommittedPosition>
  readonly flush: () => Promise<FlushFailure>
  readonly commit: (positions: ReadonlyMap<number, CommittedPosition>) => Promise<CommitOutcome>
  /** The cluster that would take commits is away. */
  readonly hopeless: () => boolean
  /** What was written may be gone: only a new start from the committed offsets is safe. */
  readonly onFlushFailure: (detail: string) => void
}

const dailyMs = 24 * 3_600_000
const retryMs = 200
/** A moment, in which a coordinator moves. */
const hopelessTries = 10

/**
 * Commits what the sink has, at most once an interval and only when something moved: first the positions are taken, then the sink is
 * flushed, then they are committed. Once a day all of them are committed again, moved or not, because a group that stands still loses
 * its offsets after seven days (semantics "Router").
 */
export class Committer {
  readonly #options: CommitterOptions
  readonly #daily: NodeJS.Timeout
  #timer: NodeJS.Timeout | undefined
  #committed = new Map<number, CommittedPosition>()
  #last: Promise<unknown> = Promise.resolve()
  #closed = false

  constructor(options: CommitterOptions) {
    this.#options = options
    this.#daily = setInterval(() => {
      this.#committed.clear()
      this.touch()
    }, dailyMs)
    this.#daily.unref()
  }

  /** Something moved. */
  touch(): void {
    if (this.#timer !== undefined || this.#closed) return
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      void this.#inTurn()
    }, this.#options.intervalMs)
  }

  /**
   * Tries until everything is committed, is not ours any more, or cannot be flushed; soon gives up while the cluster is away, where nobody
   * else can take over either. The caller bounds the time.
   */
  async commitNow(): Promise<void> {
    for (let tries = 1; !this.#closed && (await this.#inTurn()) === 'later'; tries += 1) {
      if (tries >= hopelessTries && this.#options.hopeless()) return
      await new Promise((resolve) => setTimeout(resolve, retryMs))
    }
  }

  close(): void {
    this.#closed = true
    clearTimeout(this.#timer)
    clearInterval(this.#daily)
  }

  #inTurn(): Promise<CommitOutcome> {
    const turn = this.#last.then(() => this.#commit())
    this.#last = turn
    return turn
  }

  async #commit(): Promise<CommitOutcome> {
    const moved = new Map(
      [...this.#options.positions()].filter(([partition, position]) => {
        const before = this.#committed.get(partition)
        return (
          before?.offset !== position.offset ||
          before.leaderEpoch !== position.leaderEpoch ||
          before.topicId !== position.topicId
        )
      }),
    )
    if (moved.size === 0) return 'committed'
    const failure = await this.#options.flush()
    if (failure !== undefined) {
      this.#options.onFlushFailure(failure)
      return 'not-owned'
    }
    const outcome = await this.#options.commit(moved)
    if (outcome === 'committed')
      for (const [partition, position] of moved) this.#committed.set(partition, position)
    if (outcome === 'later') this.touch()
    return outcome
  }
}
