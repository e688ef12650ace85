import { failbackSteps, reverseSteps } from './failback-steps.ts'
import { cancelSteps, failoverSteps } from './failover-steps.ts'
import type { Operation } from './operation.ts'
import type { Step } from './step.ts'

/** The graph of an operation, by its plan and goal; after a change of goal also by which steps had begun. Pure. */
export function stepsOf(operation: Operation): readonly Step[] {
  const { plan, goal, steps } = operation
  const begun = new Set(Object.keys(steps))
  if (plan.kind === 'failover')
    return goal === 'forward' ? failoverSteps(plan) : cancelSteps(failoverSteps(plan), begun)
  return goal === 'forward' ? failbackSteps(plan) : reverseSteps(failbackSteps(plan), begun)
}

/** Why the operation cannot be taken back; `undefined` = it can. */
export function undoProblem({ plan, goal, state, steps }: Operation): string | undefined {
  if (state !== 'running') return 'it has ended'
  if (goal === 'undo') return 'it is being taken back already'
  const begun = (kind: string) => Object.keys(steps).some((name) => name.startsWith(`${kind}/`))
  if (plan.kind === 'failover' && begun('publish')) return 'topics have been moved; fail back instead'
  if (plan.kind === 'failback' && begun('release')) return 'what the standby holds is being taken away'
  return undefined
}
