import type { OperationSummary, OperationView, StepView } from '../core/operations.ts'
import { formatDurationMs } from '../core/units.ts'
import { plural, table } from './output.ts'
import { paint, type Terminal } from './terminal.ts'

/** What became of it, its numbers and its steps, for people. */
export function operationText(terminal: Pick<Terminal, 'colours'>, operation: OperationView): string {
  const { id, kind, cluster, standby, actor, reason, undoReason, automatic, createdAt, left, notes, final } =
    operation
  const way = kind === 'failover' ? `${cluster} to ${standby}` : `${standby} to ${cluster}`
  const lines = [
    `${paint(terminal, 'bold', id)}: ${verdict(terminal, operation)}`,
    `${kind} from ${way}, begun ${createdAt} by ${automatic ? 'a decision' : actor}: ${reason}`,
    ...(undoReason === undefined ? [] : [`taken back: ${undoReason}`]),
    progressText(operation),
    ...left.map(({ topic, why }) => `stays: ${topic}: ${why}`),
    ...notes.map((note) => `note: ${note}`),
    ...(operation.state === 'running' && final !== undefined ? [`cannot be taken back: ${final}`] : []),
  ]
  return `${lines.join('\n')}\n\n${stepTable(operation.steps)}`
}

export function verdict(terminal: Pick<Terminal, 'colours'>, operation: OperationView): string {
  const { state, dryRun, passed, tookMs } = operation
  const took = formatDurationMs(Math.round(tookMs))
  if (state === 'running' || state === 'undoing')
    return paint(terminal, 'yellow', `${state === 'running' ? 'under way' : 'being taken back'} for ${took}`)
  if (state === 'undone') return paint(terminal, 'red', `taken back after ${took}`)
  if (!dryRun) return paint(terminal, 'green', `done after ${took}`)
  return passed === true
    ? paint(terminal, 'green', 'the drill passed: every step can be done')
    : paint(terminal, 'red', 'the drill did not pass: see the steps')
}

export function progressText({ topics, batches }: OperationView): string {
  return `${topics.moved} of ${plural(topics.total, 'topic')} moved, ${topics.finished} finished, in ${batches.total === 1 ? '1 batch' : `${batches.total} batches`}`
}

export function operationTable(found: readonly OperationSummary[]): string {
  return table(
    ['id', 'cluster', 'state', 'by', 'began', 'reason'],
    found.map(({ id, cluster, state, dryRun, automatic, actor, createdAt, reason }) => [
      id,
      cluster,
      dryRun ? `${state} (drill)` : state,
      automatic ? 'decision' : actor,
      createdAt,
      reason,
    ]),
  )
}

function stepTable(steps: readonly StepView[]): string {
  return table(
    ['step', 'state', 'took', 'topics', 'failed', 'what'],
    steps.map(({ name, state, tookMs, topics, attempts, waiting, why, found }) => [
      name,
      state,
      tookMs === undefined ? undefined : formatDurationMs(Math.round(tookMs)),
      topics === undefined ? undefined : String(topics),
      attempts === 0 ? undefined : String(attempts),
      waiting ?? found ?? why,
    ]),
  )
}
