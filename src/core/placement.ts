/**
 * The placement document: which topic lives on which cluster, and the routes that carry it on. Written by the control plane, read by
 * proxies and routers (`GET /v1/placements`), kept by them on disk.
 */

export type ClusterRole = 'fronting' | 'standby' | 'consumer'
export type DeliveryClass = 'fast' | 'durable'
export type EventCheck = 'none' | 'structure' | 'grammar'
export type CompressionName = 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd'

export interface PlacedCluster {
  readonly id: string
  readonly role: ClusterRole
  /** `host:port` of a few brokers to start from. */
  readonly bootstrap: readonly string[]
}

export interface TopicPlacement {
  readonly topic: string
  readonly delivery: DeliveryClass
  /** The fronting cluster that takes this topic's events now. */
  readonly cluster: string
  /** Its stand-in, if the cluster has one. */
  readonly standby?: string
  /** Every cluster whose log may hold events of this topic: the router reads all of them. Contains `cluster`. */
  readonly holders: readonly string[]
  readonly partitions: number
  readonly maxEventBytes: number
  readonly check: EventCheck
  readonly eventId: 'none' | 'header'
  readonly compression: CompressionName
  /** Content types the native endpoint takes for this topic; empty = every one (opaque unless JSON or NDJSON). */
  readonly mediaTypes: readonly string[]
  /** Set when the cluster could not give what the delivery class asks for, e.g. `replicas 1`. */
  readonly degraded?: string
  /** Readers empty the other holders before they begin with `cluster`: a planned move keeps the order of keys. */
  readonly drainFirst?: boolean
}

export type KafkaSink = { readonly type: 'kafka'; readonly cluster: string; readonly topic: string }
export type FileSink = {
  readonly type: 'file'
  /** Below the router's data directory unless absolute. */
  readonly directory: string
  /** A file is closed and the next one begun when it has grown past this. */
  readonly rotateBytes: number
}
export type SinkSpec = KafkaSink | FileSink

export interface RouteSpec {
  /** Unique; the consumer group is made of it (`groupIdOf`). */
  readonly id: string
  readonly topic: string
  readonly sink: SinkSpec
  readonly from: 'earliest' | 'latest'
  readonly state: 'running' | 'paused'
}

/** The consumer group of a route: the same on every cluster that it is read from, and each cluster knows only what is its own. */
export function groupIdOf(routeId: string): string {
  return `forebay.${routeId}`
}

export interface PlacementDocument {
  /** Identity of the control plane's store: documents of different stores cannot be ordered. */
  readonly storeId: string
  /** Fencing epoch of the control-plane leader that wrote it. */
  readonly leaseTerm: number
  /** Grows by one with every change, within the store. */
  readonly version: number
  readonly clusters: readonly PlacedCluster[]
  readonly placements: readonly TopicPlacement[]
  readonly routes: readonly RouteSpec[]
}

export type PlacementOrder = 'newer' | 'same' | 'older' | 'unknown-store'

/** How `next` stands to `current`: (leaseTerm, version) within one store; another store is never taken silently (semantics.md "Placement"). */
export function comparePlacements(
  current: Pick<PlacementDocument, 'storeId' | 'leaseTerm' | 'version'>,
  next: Pick<PlacementDocument, 'storeId' | 'leaseTerm' | 'version'>,
): PlacementOrder {
  if (current.storeId !== next.storeId) return 'unknown-store'
  const difference = next.leaseTerm - current.leaseTerm || next.version - current.version
  if (difference === 0) return 'same'
  return difference > 0 ? 'newer' : 'older'
}

/** The strong ETag of a document (RFC 9110 §8.8.3). */
export function placementETag(
  document: Pick<PlacementDocument, 'storeId' | 'leaseTerm' | 'version'>,
): string {
  return `"${document.storeId}.${document.leaseTerm}.${document.version}"`
}
