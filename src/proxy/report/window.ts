import type { Clock } from '../../core/clock.ts'
import type { PlacementDocument } from '../../core/placement.ts'
import type { AcknowledgedPlacement, ProxyReport, ReportedCluster } from '../../core/proxy-report.ts'

/** A report without the numbers of the one who sends it. */
export type ReportWindow = Omit<ProxyReport, 'instance' | 'sequence'>

/** Who knows what became of the events; read between two turns of the loop. */
export interface ReportSource {
  /** What happened since it was last asked. */
  clusters(): readonly ReportedCluster[]
  /** `AcknowledgedPlacement.settledVersion`; `undefined` while nothing is settled yet. */
  settledVersion(): number | undefined
}

/** Takes one window after another: each begins where the one before it ended, so that nothing is counted twice or left out. */
export class WindowTaker {
  readonly #source: ReportSource
  readonly #placement: () => PlacementDocument | undefined
  readonly #clock: Clock
  #beganAtMs: number

  /** The first window begins now. `placement`: the one in use. */
  constructor(source: ReportSource, placement: () => PlacementDocument | undefined, clock: Clock) {
    this.#source = source
    this.#placement = placement
    this.#clock = clock
    this.#beganAtMs = clock.monotonicMs()
  }

  take(): ReportWindow {
    const nowMs = this.#clock.monotonicMs()
    const windowMs = nowMs - this.#beganAtMs
    this.#beganAtMs = nowMs
    const document = this.#placement()
    const clusters = this.#source.clusters()
    if (document === undefined) return { windowMs, clusters }
    return { windowMs, placement: acknowledge(document, this.#source.settledVersion()), clusters }
  }
}

/** `settledVersion` at most that of the document. */
export function acknowledge(
  { storeId, leaseTerm, version }: Pick<PlacementDocument, 'storeId' | 'leaseTerm' | 'version'>,
  settledVersion = 0,
): AcknowledgedPlacement {
  return { storeId, leaseTerm, version, settledVersion: Math.min(version, settledVersion) }
}
