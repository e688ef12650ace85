import { undoProblem } from './graph.ts'
import type { Operation } from './operation.ts'
import type { ClusterPhase } from './situation.ts'

/** Where a cluster stands, from its running operation (drills left out) and whether any of its topics is on the standby. */
export function phaseOf(running: Operation | undefined, isAway: boolean): ClusterPhase {
  if (running === undefined) return { name: isAway ? 'away' : 'home' }
  const { plan, automatic, goal, steps } = running
  if (plan.kind === 'failback' && goal === 'forward')
    return { name: 'returning', reversible: undoProblem(running) === undefined }
  const published = goal === 'undo' || Object.keys(steps).some((name) => name.startsWith('publish/'))
  return { name: 'moving', automatic, published }
}

/** Why an operation may not begin beside those that run; `undefined` = it may. A cluster is moved by one operation at a time (faults F13). */
export function startProblem(
  wanted: Pick<Operation, 'plan' | 'dryRun'>,
  running: readonly Operation[],
): string | undefined {
  const [problem] = wanted.plan.problems
  if (problem !== undefined) return problem
  if (wanted.dryRun) return undefined
  const other = running.find(
    ({ plan, state, dryRun }) => !dryRun && state === 'running' && plan.cluster === wanted.plan.cluster,
  )
  if (other === undefined) return undefined
  const canUndo = undoProblem(other) === undefined ? ', which can be taken back' : ''
  return `${other.plan.kind} ${other.id} of ${other.plan.cluster} is under way${canUndo}`
}
