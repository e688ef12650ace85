/**
 * What the control plane remembers beside the resources: operations and their steps, what happened, who follows, what moved and what
 * is frozen. The documents in them are JSON of whoever writes them; the store looks at the other members only.
 */

export interface OperationRecord {
  /** Unique; chosen by the writer. */
  readonly id: string
  /** `failover`, `failback`, `move`, … */
  readonly kind: string
  /** What it is about, e.g. the name of a cluster. */
  readonly subject: string
  readonly state: string
  readonly step: string
  /** It will not change any more. */
  readonly ended: boolean
  readonly document: unknown
}

export interface StoredOperation extends OperationRecord {
  /** The lease term under which it was last written. */
  readonly term: number
  /** Who began it, and why. */
  readonly actor: string
  readonly reason?: string
  /** RFC 3339, UTC. */
  readonly createdAt: string
  readonly updatedAt: string
}

/** A side effect of an operation: written before it is tried and again when its result is known, under the key that hooks are called with. */
export interface StepRecord {
  readonly operation: string
  /** Unique in its operation. */
  readonly key: string
  readonly state: string
  readonly result: unknown
}

export interface StoredStep extends StepRecord {
  /** How often it was written. */
  readonly writes: number
  readonly createdAt: string
  readonly updatedAt: string
}

export interface EventRecord {
  /** `topic.create`, `placement.change`, `failover.step`, … */
  readonly kind: string
  readonly subject: string
  /** A JSON object. */
  readonly data: Readonly<Record<string, unknown>>
}

export interface StoredEvent extends EventRecord {
  /** Grows; gaps are possible. */
  readonly id: number
  readonly at: string
  readonly term: number
}

/** A follower of the placement as the leader last heard of it. */
export interface FollowerRecord {
  readonly id: string
  /** `proxy` or `router`. */
  readonly role: string
  /** Wall clock: after this it does not count as alive. */
  readonly leaseUntilMs: number
  readonly acknowledgedTerm: number
  readonly acknowledgedVersion: number
  /** Its last report, or what should be kept of it. */
  readonly report: unknown
}

export interface MoveRecord {
  readonly cluster: string
  readonly operation: string
  readonly automatic: boolean
  readonly atMs: number
}

export interface FreezeRecord {
  /** A cluster, or `*` for all. */
  readonly scope: string
}

export interface StoredFreeze extends FreezeRecord {
  readonly actor: string
  readonly reason?: string
  readonly at: string
}

/** A row of the audit log about something that is no resource; the author and the reason are those of the commit. */
export interface AuditRecord {
  readonly action: string
  /** `Failover`, `Failback`, `Freeze`, … */
  readonly kind: string
  readonly name: string
  /** JSON, or null where there is nothing. */
  readonly after: unknown
}

export type RecordChange =
  /** Written anew or over the one of the same id. */
  | { readonly action: 'operation'; readonly operation: OperationRecord }
  | { readonly action: 'step'; readonly step: StepRecord }
  | { readonly action: 'event'; readonly event: EventRecord }
  | { readonly action: 'move'; readonly move: MoveRecord }
  | { readonly action: 'freeze'; readonly freeze: FreezeRecord }
  | { readonly action: 'unfreeze'; readonly scope: string }
  | { readonly action: 'follower'; readonly follower: FollowerRecord }
  | { readonly action: 'audit'; readonly entry: AuditRecord }
  | { readonly action: 'forgetFollower'; readonly role: string; readonly id: string }

export interface OperationQuery {
  /** Only those that have not ended. */
  readonly open?: boolean
  readonly kind?: string
  readonly subject?: string
  /** Only those that are older than the one with this id; none where there is no such operation. */
  readonly after?: string
  /** Newest first; default 100. */
  readonly limit?: number
}

/** Reads of the store; each answers as of the last commit. */
export interface RecordReads {
  operation(id: string): Promise<StoredOperation | undefined>
  /** Newest first. */
  operations(query: OperationQuery): Promise<readonly StoredOperation[]>
  /** In the order in which they were first written. */
  steps(operation: string): Promise<readonly StoredStep[]>
  /** Up to `limit` from the first one after the event `after`, in order. The oldest are forgotten after 100,000. */
  events(after: number, limit: number): Promise<readonly StoredEvent[]>
  followers(): Promise<readonly FollowerRecord[]>
  /** Newest first. */
  moves(sinceMs: number): Promise<readonly MoveRecord[]>
  freezes(): Promise<readonly StoredFreeze[]>
}
