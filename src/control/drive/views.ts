import type {
  OperationState,
  OperationSummary,
  OperationView,
  PlanView,
  StepView,
} from '../../core/operations.ts'
import { stepsOf, undoProblem } from '../failover/graph.ts'
import type { Operation, StepResult } from '../failover/operation.ts'
import type { MovePlan } from '../failover/plan.ts'
import type { Step } from '../failover/step.ts'
import type { StoredOperation } from '../store/records.ts'

type Header = Pick<
  Operation,
  'dryRun' | 'automatic' | 'actor' | 'reason' | 'undo' | 'createdAtMs' | 'endedAtMs'
>

/** From its row alone: for lists, in which the plans, which are large, are not read. */
export function summaryOf(stored: StoredOperation): OperationSummary {
  return {
    id: stored.id,
    kind: stored.kind as OperationSummary['kind'],
    cluster: stored.subject,
    state: stored.state as OperationState,
    ...headerView(stored.document as Header),
    running: stored.step === '' ? [] : stored.step.split(' '),
  }
}

/** Pure; `wallMs` is now; `waiting` says what a step (by the key of its effect) waits for. */
export function operationView(
  operation: Operation,
  wallMs: number,
  waiting: (key: string) => string | undefined = () => undefined,
): OperationView {
  const { id, plan, dryRun, goal, state, steps, createdAtMs, endedAtMs } = operation
  const total = plan.batches.reduce((sum, batch) => sum + batch.length, 0)
  const doneBatches = (kind: string) =>
    [...plan.batches.keys()].filter((batch) => steps[`${kind}/${batch}`]?.state === 'done')
  const topicsOf = (batches: readonly number[]) =>
    batches.reduce((sum, batch) => sum + (plan.batches[batch]?.length ?? 0), 0)
  const moved = doneBatches('publish')
  const back = goal === 'undo' ? doneBatches('republish') : []
  const isMoved = moved.filter((batch) => !back.includes(batch))
  const final = undoProblem(operation)
  return {
    id,
    kind: plan.kind,
    cluster: plan.cluster,
    state: goal === 'undo' && state === 'running' ? 'undoing' : state,
    ...headerView(operation),
    running: Object.keys(steps).filter((name) => steps[name]?.state === 'running'),
    standby: plan.standby,
    planned: plan.planned,
    term: operation.term,
    tookMs: Math.max(0, (endedAtMs ?? wallMs) - createdAtMs),
    topics: {
      total,
      moved: topicsOf(isMoved),
      finished: topicsOf(doneBatches(plan.kind === 'failover' ? 'acknowledge' : 'delete')),
    },
    batches: { total: plan.batches.length, moved: isMoved.length },
    steps: stepViews(operation, wallMs).map((step) => withWaiting(step, waiting(`${id}/${step.name}`))),
    left: plan.left,
    notes: plan.notes,
    ...(dryRun && state !== 'running'
      ? { passed: Object.values(steps).every((step) => step.state === 'done') }
      : {}),
    ...(final === undefined ? {} : { final }),
  }
}

/** What lists and the whole view say alike. */
function headerView({ dryRun, automatic, actor, reason, undo, createdAtMs, endedAtMs }: Header) {
  return {
    dryRun,
    automatic,
    actor,
    reason,
    ...(undo === undefined ? {} : { undoReason: undo.reason }),
    createdAt: timeOf(createdAtMs),
    ...(endedAtMs === undefined ? {} : { endedAt: timeOf(endedAtMs) }),
  }
}

function withWaiting(step: StepView, waiting: string | undefined): StepView {
  return step.state !== 'running' || waiting === undefined ? step : { ...step, waiting }
}

export function planView(plan: MovePlan, rates: ReadonlyMap<string, number>): PlanView {
  const { kind, cluster, standby, planned, batches, left, notes, problems } = plan
  return {
    kind,
    cluster,
    standby,
    planned,
    batches: batches.map((batch) =>
      batch.map(({ topic, partitions }) => ({ topic, partitions, recordsPerSecond: rates.get(topic) ?? 0 })),
    ),
    left,
    notes,
    problems,
  }
}

/** Those of the graph in its order; after a change of goal also what had begun before it. */
function stepViews(operation: Operation, wallMs: number): readonly StepView[] {
  const graph = stepsOf(operation)
  const forward = operation.goal === 'undo' ? stepsOf({ ...operation, goal: 'forward' }) : []
  const begun = forward.filter(({ name }) => operation.steps[name] !== undefined)
  const all = new Map([...begun, ...graph].map((step) => [step.name, step]))
  return [...all.values()].map((step) => stepView(operation, step, wallMs))
}

function stepView({ plan, steps }: Operation, { name, batch }: Step, wallMs: number): StepView {
  const state = steps[name]
  const topics = batch < 0 ? {} : { topics: plan.batches[batch]?.length ?? 0 }
  if (state === undefined) return { name, state: 'waiting', ...topics, attempts: 0 }
  const { startedAtMs, endedAtMs, why, result } = state
  const found = result === undefined ? undefined : wordsOf(result)
  return {
    name,
    state: state.state,
    ...topics,
    attempts: state.attempts,
    startedAt: timeOf(startedAtMs),
    ...(endedAtMs === undefined ? {} : { endedAt: timeOf(endedAtMs) }),
    tookMs: Math.max(0, (endedAtMs ?? wallMs) - startedAtMs),
    ...(why === undefined ? {} : { why }),
    ...(found === undefined ? {} : { found }),
  }
}

function wordsOf(result: StepResult): string | undefined {
  switch (result.kind) {
    case 'none':
      return undefined
    case 'topics':
      return result.topics.length === 1 ? '1 topic' : `${result.topics.length} topics`
    case 'version':
      return `version ${result.version}`
    case 'offsets': {
      const records = result.offsets.flatMap(({ ends }) => ends).reduce((sum, end) => sum + end, 0)
      return `${records} records`
    }
    case 'proxies':
      return result.ended.length === 0
        ? `by ${result.acknowledged}`
        : `by ${result.acknowledged}; gone: ${result.ended.join(', ')}`
  }
}

function timeOf(ms: number): string {
  return new Date(ms).toISOString()
}
