export type StepKind =
  | 'scale-up'
  | 'scale-down'
  | 'canary'
  | 'create'
  | 'lead'
  | 'publish'
  | 'acknowledge'
  | 'gate'
  | 'prepare'
  | 'home-offsets'
  | 'home-drain'
  | 'seal'
  | 'probe'
  | 'end-offsets'
  | 'drain'
  | 'release'
  | 'delete'
  | 'undo-create'
  | 'unseal'
  | 'republish'

/** One step of the graph of an operation. */
export interface Step {
  /** Unique in the operation, and half of the idempotency key: `create/3`. */
  readonly name: string
  readonly kind: StepKind
  /** Index into `plan.batches`; −1 = not of one batch. */
  readonly batch: number
  /** It begins when all of these are done, or, being hooks, given up. */
  readonly needs: readonly string[]
}
