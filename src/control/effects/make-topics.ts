import type { MadeTopic } from '../failover/operation.ts'
import type { TopicMove } from '../failover/plan.ts'
import { maxStandbyBrokers, maxStandbyPartitions } from '../failover/plan.ts'
import { standbyTopics } from '../failover/standby-topics.ts'
import { deleteKafkaTopics } from '../provision/deletions.ts'
import { type FittedTopics, fitTopics } from '../provision/topic-batch.ts'
import type { EffectWork } from './effect-work.ts'
import { awaitLeaders } from './leaders.ts'

/** A standby that is just being woken is waited for. */
const describeDeadlineMs = 30_000
const drillDeadlineMs = 5000

/**
 * Makes what is missing of a batch, and gives all ids without waiting for leaders. A topic that is there is taken over, and unsealed, only
 * under the id that the plan knows, or when it holds nothing.
 */
export async function createTopics(
  work: EffectWork,
  standby: string,
  batch: readonly TopicMove[],
): Promise<readonly MadeTopic[]> {
  if (work.dryRun) await checkLimits(work, standby, batch)
  return make(
    work,
    standby,
    batch.map((move) => ({ move, known: move.standbyTopicId === undefined ? [] : [move.standbyTopicId] })),
  )
}

/** Makes the topics be there as specified, with leaders: the cluster may have come back with empty disks or older partition counts. */
export async function ensureTopics(
  work: EffectWork,
  home: string,
  batch: readonly TopicMove[],
): Promise<readonly MadeTopic[]> {
  const made = await make(
    work,
    home,
    batch.map((move) => {
      const stored = work.options.feed.state.Topic.get(move.topic)?.provisioned ?? []
      const ids = stored.filter(({ cluster }) => cluster === home).map(({ topicId }) => topicId)
      return { move, known: move.homeTopicId === undefined ? ids : [move.homeTopicId, ...ids] }
    }),
  )
  await awaitLeaders(work, home, made)
  return made
}

interface Wanted {
  readonly move: TopicMove
  readonly known: readonly string[]
}

async function make(
  work: EffectWork,
  cluster: string,
  wanted: readonly Wanted[],
): Promise<readonly MadeTopic[]> {
  const admin = work.admin(cluster)
  const { brokers } = await admin.describeCluster(work.dryRun ? drillDeadlineMs : describeDeadlineMs)
  const moves = wanted.map(({ move }) => ({ ...move, spec: work.presentSpec(move.spec) }))
  await deleteDoomed(work, cluster, moves)
  const planned = standbyTopics(cluster, moves, brokers)
  const topics = wanted.flatMap(({ known }, index) => {
    const plan = planned[index]
    const spec = moves[index]?.spec
    return plan === undefined || spec === undefined ? [] : [{ ...plan, spec, known }]
  })
  const fitted = await fitTopics(topics, {
    cluster,
    admin,
    brokers,
    adopt: 'empty',
    validateOnly: work.dryRun,
    beforeChange: work.fence,
  })
  return inOrder(wanted, fitted, cluster)
}

/** A topic of that name that is remembered as to be deleted goes first: it must not be taken over and then deleted. */
async function deleteDoomed(work: EffectWork, cluster: string, moves: readonly TopicMove[]): Promise<void> {
  const { store } = work.options
  const names = new Set(moves.map(({ topic }) => topic))
  const doomed = (await store.pendingDeletions()).filter(
    (deletion) => deletion.cluster === cluster && names.has(deletion.topic),
  )
  if (doomed.length === 0 || work.dryRun) return
  await work.fence()
  await deleteKafkaTopics(work.admin(cluster), doomed)
  for (const deletion of doomed) await store.deleted(deletion, work.authority())
}

function inOrder(wanted: readonly Wanted[], fitted: FittedTopics, cluster: string): readonly MadeTopic[] {
  const failures: Error[] = []
  const made: MadeTopic[] = []
  for (const { move } of wanted) {
    const result = fitted.get(move.topic) ?? new Error(`${move.topic} was left out`)
    if (result instanceof Error) failures.push(result)
    else made.push({ topic: move.topic, ...result.topic })
  }
  const [first] = failures
  if (first === undefined) return made
  throw new Error(
    `${failures.length} of ${wanted.length} topics are not on ${cluster} as they should be: ${first.message}`,
    { cause: first },
  )
}

async function checkLimits(work: EffectWork, standby: string, batch: readonly TopicMove[]): Promise<void> {
  const admin = work.admin(standby)
  const { brokers } = await admin.describeCluster(drillDeadlineMs)
  if (brokers.length > maxStandbyBrokers)
    throw new Error(`${standby} has ${brokers.length} brokers, more than ${maxStandbyBrokers}`)
  const all = await admin.describeTopics()
  const present = [...all.values()].reduce((sum, { partitions }) => sum + partitions.length, 0)
  const added = batch
    .filter(({ topic }) => !all.has(topic))
    .reduce((sum, { spec }) => sum + work.presentSpec(spec).partitions, 0)
  if (present + added > maxStandbyPartitions)
    throw new Error(
      `${standby} has ${present} partitions and would have ${present + added}, more than ${maxStandbyPartitions}: give it fewer topics`,
    )
}
