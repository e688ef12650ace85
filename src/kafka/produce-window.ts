import type { ReportedBroker, ReportedCluster } from '../core/proxy-report.ts'
import { DurationWindow } from './duration-window.ts'

/** What a report says that no attempt changes: how it stands at the end of the window. */
export interface ProduceStanding extends Pick<ReportedCluster, 'cluster' | 'waiting' | 'oldestWaitMs'> {
  readonly brokers: readonly Pick<ReportedBroker, 'id' | 'open' | 'queuedBytes'>[]
}

/** Attempts of one cluster or broker, in events. */
class AttemptWindow {
  acked = 0
  failed = 0
  readonly durations = new DurationWindow()

  add(acked: number, failed: number, durationMs: number): void {
    this.acked += acked
    this.failed += failed
    if (acked > 0) this.durations.add(durationMs, acked)
  }

  take(): { acked: number; failed: number; p99Ms?: number } {
    const { acked, failed } = this
    const p99Ms = this.durations.quantileMs(0.99)
    this.acked = 0
    this.failed = 0
    this.durations.clear()
    return { acked, failed, ...(p99Ms === undefined ? {} : { p99Ms }) }
  }
}

/**
 * What became of a cluster's events since the last report (core/proxy-report.ts), counted per produce request, never per event. One
 * reader only, because reading begins the next window.
 */
export class ProduceWindow {
  readonly #cluster = new AttemptWindow()
  readonly #brokers = new Map<number, AttemptWindow>()
  #dropped = 0

  /** One answered or unanswered request; events, and milliseconds from sending it. */
  attempted(broker: number, acked: number, failed: number, durationMs: number): void {
    this.#cluster.add(acked, failed, durationMs)
    let window = this.#brokers.get(broker)
    if (window === undefined) {
      window = new AttemptWindow()
      this.#brokers.set(broker, window)
    }
    window.add(acked, failed, durationMs)
  }

  /** Events given up at their deadline or at the end. Those that a broker refused are in `failed`: their owner may try again. */
  dropped(events: number): void {
    this.#dropped += events
  }

  /** The window so far, and begins the next. `standing` names every broker that something was sent to. */
  take(standing: ProduceStanding): ReportedCluster {
    const dropped = this.#dropped
    this.#dropped = 0
    const brokers: ReportedBroker[] = standing.brokers.map((broker) => ({
      ...broker,
      ...(this.#brokers.get(broker.id)?.take() ?? { acked: 0, failed: 0 }),
    }))
    const { cluster, waiting, oldestWaitMs } = standing
    return { cluster, ...this.#cluster.take(), dropped, waiting, oldestWaitMs, brokers }
  }
}
