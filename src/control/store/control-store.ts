import type { PlacementDocument } from '../../core/placement.ts'
import type {
  ClusterSpec,
  NamespaceSpec,
  ProvisionedTopic,
  RouteResourceSpec,
  Stored,
  TopicSpec,
} from '../../core/resources.ts'

export interface SpecOf {
  readonly Namespace: NamespaceSpec
  readonly Cluster: ClusterSpec
  readonly Topic: TopicSpec
  readonly Route: RouteResourceSpec
}

export type ResourceKind = keyof SpecOf

/** One resource as it was committed. `provisioned`: the Kafka topics made for a topic (fronting) or for a route (its sink). */
export interface StoredResource<Kind extends ResourceKind = ResourceKind> extends Stored {
  readonly spec: SpecOf[Kind]
  readonly provisioned: readonly ProvisionedTopic[]
}

/** Everything, by name, as of one moment. */
export type ControlState = {
  readonly [Kind in ResourceKind]: ReadonlyMap<string, StoredResource<Kind>>
}

/** Where a topic lives now; written apart from the topic, because a failover moves it. */
export interface StoredPlacement {
  readonly topic: string
  readonly cluster: string
  readonly holders: readonly string[]
  readonly degraded?: string
}

/** A Kafka topic to be deleted, remembered in the transaction that forgot it, so that a crash in between leaves no orphan. */
export interface PendingDeletion {
  readonly cluster: string
  readonly topic: string
  readonly topicId: string
}

type Put = {
  readonly [Kind in ResourceKind]: {
    readonly action: 'put'
    readonly kind: Kind
    readonly spec: SpecOf[Kind]
    readonly provisioned?: readonly ProvisionedTopic[]
  }
}[ResourceKind]

export type Change =
  | Put
  /** Deleting a topic takes its placement along. */
  | { readonly action: 'delete'; readonly kind: ResourceKind; readonly name: string }
  | { readonly action: 'place'; readonly placement: StoredPlacement }
  | { readonly action: 'deleteLater'; readonly deletion: PendingDeletion }

export interface Authorship {
  readonly actor: string
  readonly reason?: string
}

export interface AuditRow {
  readonly id: number
  readonly at: string
  readonly actor: string
  readonly action: string
  readonly kind: string
  readonly name: string
  readonly reason: string | null
  /** JSON of the spec before and after; null where there is none. */
  readonly before: string | null
  readonly after: string | null
  /** The placement version that came with it. */
  readonly version: number
}

/**
 * The control plane's memory. Asynchronous, so that a database server can stand behind it too. One writer; the caller serialises its
 * writes. What `commit` has resolved survives kill -9 and a power cut.
 */
export interface ControlStore {
  /** Identity of this store, made once with it: documents of different stores cannot be ordered. */
  readonly storeId: string

  load(): Promise<ControlState>
  get<Kind extends ResourceKind>(kind: Kind, name: string): Promise<StoredResource<Kind> | undefined>
  /** Up to `limit` resources by name, from the first one after `after`. */
  list<Kind extends ResourceKind>(
    kind: Kind,
    limit: number,
    after: string | undefined,
  ): Promise<readonly StoredResource<Kind>[]>
  counts(): Promise<Readonly<Record<ResourceKind, number>>>
  /** The placement document of the last commit. */
  placement(): Promise<PlacementDocument>
  placementOf(topic: string): Promise<StoredPlacement | undefined>

  /** All or nothing, with one new placement version and an audit row for each change of a resource. Gives that version. */
  commit(changes: readonly Change[], by: Authorship): Promise<number>

  pendingDeletions(): Promise<readonly PendingDeletion[]>
  /** The Kafka topic is gone: forget the deletion. */
  deleted(deletion: PendingDeletion): Promise<void>
  auditRows(limit: number): Promise<readonly AuditRow[]>

  /** Why the store cannot be used right now, as a short word; `undefined` while it answers. */
  problem(): string | undefined
  close(): Promise<void>
}

/** The store cannot be opened. `message` begins with a fixed word: store-corrupt, store-locked, store-newer, store-unreadable. */
export class StoreError extends Error {
  override readonly name = 'StoreError'
}
