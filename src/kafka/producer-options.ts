import type { LaneSetOptions } from './lane-set.ts'
import type { ProduceStats } from './produce-stats.ts'

export interface ClusterProducerOptions extends LaneSetOptions {
  readonly clusterId: string
  /** A request is sent when it has grown to this; a larger batch goes alone. */
  readonly requestBytes: number
  /** Unkeyed batches stay on a partition until this many bytes went there. */
  readonly stickyBytes: number
  /** Something a person should know: a broker that does not answer, a batch that was refused. */
  readonly warn: (detail: Readonly<Record<string, unknown>>, message: string) => void
  readonly draw?: () => number
  /** Counters that go on where an earlier producer of the cluster ended. */
  readonly stats?: ProduceStats
  /**
   * A broker has no place for the topic: it is unknown, made anew, or takes nothing. Answered by `ClusterProducer.confirmed` when the
   * placement was confirmed after this call, or by `release`; until then a refused batch has no outcome (semantics "Failover and
   * failback"). Without it a refusal is final at once.
   */
  readonly doubt?: (topic: string) => void
  /** Events that were queued here, or sent without success, and are another cluster's from now on. */
  readonly moved?: (topic: string, events: number) => void
  /** Told of every request: what `sent` returns is handed to `answered` when the request's fate is known. */
  readonly attempts?: { sent(): number; answered(attempt: number): void }
}
