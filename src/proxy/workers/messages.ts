import type { PlacementDocument } from '../../core/placement.ts'
import type { PlacementCounts } from '../../placement/keeper.ts'
import type { Figures } from '../../telemetry/figures.ts'
import type { Readiness } from '../../telemetry/health.ts'
import type { Undelivered } from '../produce/cluster-producers.ts'
import type { ProxySettings } from '../proxy-process.ts'
import type { ReportWindow } from '../report/window.ts'

/** What parent and workers say to each other, over Node's IPC channel (in order, structured clone). */

/** What the parent knows of the placement, for workers, which do not ask the control plane themselves. */
export interface PlacementNews {
  readonly document: PlacementDocument | undefined
  /** Since the control plane confirmed it; `Infinity` when it never did. */
  readonly ageMs: number
  readonly counts: PlacementCounts
}

/** What the parent asks a worker about itself. */
export interface AskedOfWorker {
  readonly metrics: Figures
  readonly readiness: Readiness
  /** What it did since it was last asked. */
  readonly report: ReportWindow
}

/** What a worker asks its parent about the whole proxy. */
export interface AskedOfParent {
  readonly metrics: MetricsText
  readonly readiness: Readiness
  /** That the control plane be asked now. A document that comes of it is told before the answer. */
  readonly placement: Omit<PlacementNews, 'document'> | { readonly failed: string }
}

export interface MetricsText {
  readonly contentType: string
  readonly text: string
}

export interface StartOrder {
  readonly kind: 'start'
  /** 1 to `workers`; a worker that takes the place of a dead one has its number. */
  readonly number: number
  /** The proxy's, with this worker's part of the buffer. */
  readonly settings: ProxySettings
  readonly maxConnections: number
  readonly placement: PlacementNews
}

export type ToWorker =
  | StartOrder
  | { readonly kind: 'placement'; readonly placement: PlacementNews }
  | {
      readonly kind: 'ask'
      readonly question: keyof AskedOfWorker
      readonly placement: Omit<PlacementNews, 'document'>
    }
  | { readonly kind: 'answer'; readonly id: number; readonly value: unknown }
  | { readonly kind: 'drain' }
  /** Give up what is not delivered yet. */
  | { readonly kind: 'hurry' }

export type ToParent =
  | { readonly kind: 'listening' }
  | { readonly kind: 'failed'; readonly message: string }
  /** Comes by itself, so that little is forgotten of a worker that dies. */
  | { readonly kind: 'figures'; readonly figures: Figures }
  | { readonly kind: 'reply'; readonly question: keyof AskedOfWorker; readonly value: unknown }
  | { readonly kind: 'question'; readonly question: keyof AskedOfParent; readonly id: number }
  | { readonly kind: 'drained'; readonly undelivered: Undelivered }
