import type { PlacementDocument } from '../../core/placement.ts'
import type {
  ClusterSpec,
  NamespaceSpec,
  ProvisionedTopic,
  RouteResourceSpec,
  Stored,
  TopicSpec,
} from '../../core/resources.ts'
import type { RecordChange, RecordReads } from './records.ts'

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
  /** Readers empty the other holders before they begin with `cluster`: a planned move keeps the order of keys. */
  readonly drainFirst?: boolean
  /** A person moved it away from its home, so a person brings it back: an automatic failback leaves it where it is. */
  readonly movedByHand?: boolean
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
  /** What Kafka holds of a resource that stays as it is: no audit row, but a new revision. Nothing where the resource is gone. */
  | {
      readonly action: 'provisioned'
      readonly kind: ResourceKind
      readonly name: string
      readonly provisioned: readonly ProvisionedTopic[]
    }
  | { readonly action: 'deleteLater'; readonly deletion: PendingDeletion }
  | RecordChange

export interface Authorship {
  readonly actor: string
  readonly reason?: string
}

/** By what right something is written: the lease term under which the writer read what its decision rests on. */
export interface Authority extends Authorship {
  readonly term: number
}

/** Who leads, as the store says. */
export interface Leadership {
  /** Grows with each change of the leader; the fencing epoch of everything that is written. */
  readonly term: number
  /** '' = nobody yet. */
  readonly holder: string
  /** URL of the holder's API. */
  readonly address: string
  /** Until it runs out, by the store's clock; 0 or less = it has. */
  readonly remainingMs: number
}

/** How far the store is; when two are equal, nothing was written in between but the lease. */
export interface StorePosition {
  readonly version: number
  readonly revision: number
  readonly lastEvent: number
  readonly leadership: Leadership
}

/** Everything that is placed, as of one moment. */
export interface StoreSnapshot {
  readonly position: StorePosition
  readonly state: ControlState
  /** By topic. */
  readonly placements: readonly StoredPlacement[]
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
 * The control plane's memory: one SQLite file for one replica, PostgreSQL for several. What a write has resolved survives kill -9 and a
 * power cut. Every write names the lease term that it acts under, and the store itself refuses it in the same transaction when that
 * lease has run out or another has it (`not-leading`). All methods throw `StoreError`; none makes up an answer.
 */
export interface ControlStore extends RecordReads {
  /** Identity of this store, made once with it: documents of different stores cannot be ordered. */
  readonly storeId: string

  position(): Promise<StorePosition>
  snapshot(): Promise<StoreSnapshot>
  load(): Promise<ControlState>
  get<Kind extends ResourceKind>(kind: Kind, name: string): Promise<StoredResource<Kind> | undefined>
  /** The placement document of the last commit, under the present lease term. */
  placement(): Promise<PlacementDocument>

  /**
   * All or nothing. Where a resource or a placement changes: with one new placement version, and an audit row and an event for each
   * change. Gives the version after it.
   */
  commit(changes: readonly Change[], by: Authority): Promise<number>

  pendingDeletions(): Promise<readonly PendingDeletion[]>
  /** The Kafka topic is gone: forget the deletion. */
  deleted(deletion: PendingDeletion, by: Authority): Promise<void>
  /** Newest first. */
  auditRows(limit: number): Promise<readonly AuditRow[]>

  /** Takes the lease if it has run out: gives the new term, or `undefined` while another has it. */
  acquireLease(candidate: LeaseCandidate, lengthMs: number): Promise<number | undefined>
  /** `false`: it ran out, or another has it; it cannot be had back but by a new term. */
  renewLease(term: number, lengthMs: number): Promise<boolean>
  /** Lets the next one lead at once. Nothing when it is not ours any more. */
  releaseLease(term: number): Promise<void>

  close(): Promise<void>
}

export interface LeaseCandidate {
  /** Unique for each process. */
  readonly holder: string
  readonly address: string
}
