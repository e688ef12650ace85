import type { RecordChange, StoredOperation, StoredStep } from '../store/records.ts'
import type { Advanced } from './advance.ts'
import type { Operation, StepState, Transition } from './operation.ts'
import type { MovePlan } from './plan.ts'

/** The part of an operation that is written with each change; the plan, which is large, is written once, as its first step. */
type Header = Omit<Operation, 'id' | 'term' | 'plan' | 'steps'>

const planKey = 'plan'

/**
 * What to commit, under the operation's term and before any of its effects is run, so that what `advance` said survives a crash: the
 * operation, the steps that changed, an event for each change, and the move itself from before its first publish on. `before` is absent
 * for an operation that was not stored yet.
 */
export function recordsOf(
  before: Operation | undefined,
  { operation, transitions }: Pick<Advanced, 'operation' | 'transitions'>,
): readonly RecordChange[] {
  const changed = new Set(transitions.map(({ step }) => step))
  return [
    operationRecord(operation),
    ...(before === undefined ? [stepRecord(operation, planKey, 'done', operation.plan)] : []),
    ...[...changed].flatMap((name) => {
      const state = operation.steps[name]
      return state === undefined ? [] : [stepRecord(operation, name, state.state, state)]
    }),
    ...transitions.map((transition) => stepEvent(operation, transition)),
    ...(before?.state === operation.state && before.goal === operation.goal ? [] : [stateEvent(operation)]),
    ...moveRecord(before, operation),
  ]
}

/** The operation as it was last committed. Throws when its plan is missing. */
export function loadOperation(stored: StoredOperation, rows: readonly StoredStep[]): Operation {
  const steps: Record<string, StepState> = {}
  let plan: MovePlan | undefined
  for (const { key, result } of rows) {
    const name = key.slice(stored.id.length + 1)
    if (name === planKey) plan = result as MovePlan
    else steps[name] = result as StepState
  }
  if (plan === undefined) throw new Error(`operation ${stored.id} has no plan`)
  return { ...(stored.document as Header), id: stored.id, term: stored.term, plan, steps }
}

function operationRecord(operation: Operation): RecordChange {
  const { id, term: _term, plan, steps, ...header } = operation
  const running = Object.keys(steps).filter((name) => steps[name]?.state === 'running')
  return {
    action: 'operation',
    operation: {
      id,
      kind: plan.kind,
      subject: plan.cluster,
      state: operation.goal === 'undo' && operation.state === 'running' ? 'undoing' : operation.state,
      step: running.join(' '),
      ended: operation.state !== 'running',
      document: header satisfies Header,
    },
  }
}

function stepRecord({ id }: Operation, name: string, state: string, result: unknown): RecordChange {
  return { action: 'step', step: { operation: id, key: `${id}/${name}`, state, result } }
}

function stepEvent({ id, plan }: Operation, { step, from, to, why }: Transition): RecordChange {
  const data = { operation: id, step, from, to, ...(why === undefined ? {} : { why }) }
  return { action: 'event', event: { kind: `${plan.kind}.step`, subject: plan.cluster, data } }
}

function stateEvent({ id, plan, state, goal, reason, undo }: Operation): RecordChange {
  const data = { operation: id, state, goal, reason: undo?.reason ?? reason, standby: plan.standby }
  return { action: 'event', event: { kind: `${plan.kind}.state`, subject: plan.cluster, data } }
}

/** A failover counts for hold-downs once it begins to move something; so does a failback that is reversed. */
function moveRecord(before: Operation | undefined, operation: Operation): readonly RecordChange[] {
  const { id, plan, undo, dryRun } = operation
  const automatic = plan.kind === 'failover' ? operation.automatic : undo?.automatic === true
  const moves = plan.kind === 'failover' ? 'publish/' : 'republish/'
  const begun = ({ steps }: Operation) => Object.keys(steps).filter((name) => name.startsWith(moves))
  const [first] = begun(operation)
  if (
    dryRun ||
    plan.partial === true ||
    first === undefined ||
    (before !== undefined && begun(before).length > 0)
  )
    return []
  const atMs = operation.steps[first]?.startedAtMs ?? operation.createdAtMs
  return [{ action: 'move', move: { cluster: plan.cluster, operation: id, automatic, atMs } }]
}
