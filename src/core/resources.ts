import type { ClusterRole, CompressionName, DeliveryClass, EventCheck, SinkSpec } from './placement.ts'

/** What the control plane's API takes and gives (interface.md "The control plane"): shared by the server, the command line and the client. */

/** Every stored resource; `revision` is its ETag without the quotes and grows with each change. */
export interface Stored {
  readonly revision: number
  /** RFC 3339, UTC. */
  readonly createdAt: string
  readonly updatedAt: string
}

export interface NamespaceSpec {
  readonly name: string
  readonly owner: string
}

export interface ClusterSpec {
  readonly name: string
  readonly role: ClusterRole
  readonly bootstrap: readonly string[]
  /** Fronting clusters only: the standby that stands in for it. */
  readonly standby?: string
  /** Fronting clusters only: whether topics come home by themselves when it is well again. Absent (an older row) = auto. */
  readonly failback?: 'auto' | 'manual'
}

export interface TopicSpec {
  /** `namespace.topic` */
  readonly name: string
  readonly owner: string
  readonly delivery: DeliveryClass
  readonly cluster: string
  readonly partitions: number
  readonly retentionMs: number
  readonly maxEventBytes: number
  readonly check: EventCheck
  readonly eventId: 'none' | 'header'
  readonly compression: CompressionName
  readonly mediaTypes: readonly string[]
}

export interface RouteResourceSpec {
  /** The route's id; `<topic>.<sink type>` when the document names none. */
  readonly name: string
  readonly topic: string
  readonly sink: SinkSpec
  readonly from: 'earliest' | 'latest'
  readonly state: 'running' | 'paused'
}

/** How a Kafka topic came out on one cluster. */
export interface ProvisionedTopic {
  readonly cluster: string
  /** Kafka's topic id (KIP-516), which changes when a topic is made anew. */
  readonly topicId: string
  readonly partitions: number
  readonly replicas: number
  readonly minInSync: number
  /** Set when the cluster has fewer brokers than the delivery class asks for. */
  readonly degraded?: string
}

export type Namespace = NamespaceSpec & Stored
export type Cluster = ClusterSpec & Stored
export type Topic = TopicSpec & Stored & { readonly provisioned: readonly ProvisionedTopic[] }
export type Route = RouteResourceSpec & Stored

export interface Page<Item> {
  readonly items: readonly Item[]
  /** Pass as `?after=` for the next page; absent on the last one. */
  readonly next?: string
}

/** `POST /v1/apply`, JSON; or `application/yaml` with several documents and `?dryRun=true`. Documents are as users write them, with units. */
export interface ApplyRequest {
  readonly documents: readonly Readonly<Record<string, unknown>>[]
  readonly dryRun?: boolean
  readonly reason?: string
}

export interface FieldChange {
  /** Dotted path of the key, e.g. `sink.directory`. */
  readonly path: string
  readonly from?: unknown
  readonly to?: unknown
}

export interface ApplyChange {
  readonly kind: 'Namespace' | 'Cluster' | 'Topic' | 'Route'
  readonly name: string
  readonly action: 'create' | 'update' | 'unchanged'
  readonly changes: readonly FieldChange[]
  /** What a person should know, e.g. `replicas 1 instead of 3: standby-a has 1 broker`. */
  readonly notes: readonly string[]
}

export interface ApplyResult {
  readonly dryRun: boolean
  /** The placement version after it. */
  readonly version: number
  readonly changes: readonly ApplyChange[]
}
