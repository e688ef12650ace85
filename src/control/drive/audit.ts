import type { Operation } from '../failover/operation.ts'
import type { RecordChange } from '../store/records.ts'

/**
 * Rows of the audit log for what moves traffic: the beginning of an operation, and its being taken back. Drills move nothing. Author and
 * reason come from the commit.
 */
export function auditOf(before: Operation | undefined, after: Operation): readonly RecordChange[] {
  if (after.dryRun) return []
  const { id, plan, goal, automatic } = after
  const isBegun = before === undefined
  if (!isBegun && before.goal === goal) return []
  const topics = plan.batches.reduce((sum, batch) => sum + batch.length, 0)
  return [
    {
      action: 'audit',
      entry: {
        action: isBegun ? 'start' : 'cancel',
        kind: plan.kind === 'failover' ? 'Failover' : 'Failback',
        name: plan.cluster,
        after: { operation: id, standby: plan.standby, topics, planned: plan.planned, automatic },
      },
    },
  ]
}
