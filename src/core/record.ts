/** A record header (KIP-82); the name is UTF-8 bytes already, because it is written once per record. */
export interface RecordHeader {
  readonly name: Buffer
  readonly value: Buffer
}

/**
 * The valid events of one judged request, as slices of its body: no object per event. Whoever takes them copies the bytes during the
 * call and keeps no reference.
 */
export interface StagedEvents {
  readonly body: Buffer
  /** Start and end (exclusive) of each event in `body`, in pairs: `[start0, end0, start1, end1, …]`. May be longer than `2 × count`. */
  readonly bounds: ArrayLike<number>
  readonly count: number
  /** The same key for every event of the request, or none. */
  readonly key: Buffer | undefined
  /** The same headers for every event of the request. */
  readonly headers: readonly RecordHeader[]
  /** Arrival, wall clock: the record timestamp (semantics "Records"). */
  readonly arrivalMs: number
}
