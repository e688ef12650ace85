import type { StoredPlacement } from '../store/control-store.ts'
import type { Effect, EffectBody, Publish, TopicId } from './effect.ts'
import type { EndOffsets, MadeTopic, Operation } from './operation.ts'
import type { TopicMove } from './plan.ts'
import type { Step } from './step.ts'

/** The side effect of a step that runs, from what is stored and nothing else; the same at every call. */
export function effectOf(operation: Operation, step: Step, delayMs = 0): Effect {
  const { id, term, dryRun } = operation
  return {
    key: `${id}/${step.name}`,
    operation: id,
    step: step.name,
    term,
    dryRun,
    delayMs,
    body: bodyOf(operation, step),
  }
}

function bodyOf(operation: Operation, { kind, batch }: Step): EffectBody {
  const { plan } = operation
  const { cluster, standby } = plan
  const topics = plan.batches[batch] ?? []
  switch (kind) {
    case 'scale-up':
    case 'scale-down':
      return { kind: 'call-hook', hook: kind, cluster, standby }
    case 'canary':
      return { kind: 'canary', cluster: standby }
    case 'create':
      return { kind: 'create-topics', cluster: standby, topics }
    case 'lead':
      return { kind: 'await-leaders', cluster: standby, topics: madeBy(operation, `create/${batch}`) }
    case 'publish':
      return publish(operation, batch)
    case 'acknowledge':
      return {
        kind: 'await-acknowledged',
        version: versionFor(operation, batch),
        settled: plan.planned,
      }
    case 'gate':
      return { kind: 'check-gate', cluster }
    case 'prepare':
      return { kind: 'ensure-topics', cluster, topics }
    case 'home-offsets':
      return {
        kind: 'read-end-offsets',
        cluster,
        topics: madeBy(operation, `prepare/${batch}`).map(idOf),
      }
    case 'home-drain':
      return { kind: 'await-drained', cluster, offsets: offsetsOf(operation, `home-offsets/${batch}`) }
    case 'seal':
      return { kind: 'seal-topics', cluster: standby, topics: standbyIds(topics) }
    case 'probe':
      return { kind: 'probe-sealed', cluster: standby, topics: standbyIds(topics) }
    case 'unseal':
      return { kind: 'unseal-topics', cluster: standby, topics }
    case 'end-offsets':
      return { kind: 'read-end-offsets', cluster: standby, topics: standbyIds(topics) }
    case 'drain':
      return {
        kind: 'await-drained',
        cluster: standby,
        offsets: offsetsOf(operation, `end-offsets/${batch}`),
      }
    case 'release':
      return release(operation, topics)
    case 'republish':
      return republish(operation, topics)
    case 'delete':
      return { kind: 'delete-topics', cluster: standby, topics: standbyIds(topics) }
    case 'undo-create':
      return { kind: 'delete-topics', cluster: standby, topics: newlyMade(operation, batch) }
  }
}

/** Both clusters hold the topic from now on. */
function publish(operation: Operation, batch: number): Publish {
  const { kind, cluster, standby, planned, batches } = operation.plan
  const byHand = kind === 'failover' && !operation.automatic
  const to = kind === 'failover' ? standby : cluster
  const made = madeBy(operation, `${kind === 'failover' ? 'create' : 'prepare'}/${batch}`)
  const degraded = new Map(made.map((topic) => [topic.topic, topic.degraded]))
  const placements = (batches[batch] ?? []).map(({ topic, holders }) =>
    placement(topic, to, [...holders, cluster, standby], degraded.get(topic), byHand),
  )
  return { kind: 'publish', placements, made, deletions: [], drainFirst: planned && kind === 'failover' }
}

/** The standby holds nothing any more that was not delivered. */
function release(operation: Operation, topics: readonly TopicMove[]): Publish {
  const { cluster, standby } = operation.plan
  const degraded = new Map<string, string | undefined>()
  for (const [name, { result }] of Object.entries(operation.steps)) {
    if (!name.startsWith('prepare/') || result?.kind !== 'topics') continue
    for (const made of result.topics) degraded.set(made.topic, made.degraded)
  }
  const placements = topics.map(({ topic, holders }) =>
    placement(
      topic,
      cluster,
      [...holders.filter((holder) => holder !== standby), cluster],
      degraded.get(topic),
    ),
  )
  const deletions = standbyIds(topics).map(({ topic, topicId }) => ({ cluster: standby, topic, topicId }))
  return { kind: 'publish', placements, made: [], deletions, drainFirst: false }
}

/** Where a decision brought them back they are away by decision, whoever had moved them before. */
function republish({ plan: { cluster, standby }, undo }: Operation, topics: readonly TopicMove[]): Publish {
  const placements = topics.map(({ topic, holders, degraded, movedByHand }) =>
    placement(
      topic,
      standby,
      [...holders, cluster, standby],
      degraded,
      movedByHand === true && undo?.automatic !== true,
    ),
  )
  return { kind: 'publish', placements, made: [], deletions: [], drainFirst: false }
}

function placement(
  topic: string,
  cluster: string,
  holders: readonly string[],
  degraded: string | undefined,
  movedByHand = false,
): StoredPlacement {
  return {
    topic,
    cluster,
    holders: [...new Set(holders)],
    ...(degraded === undefined ? {} : { degraded }),
    ...(movedByHand ? { movedByHand } : {}),
  }
}

/** What was there before the operation stays: it may hold records that nobody has read. */
function newlyMade(operation: Operation, batch: number): readonly TopicId[] {
  const known = new Map(operation.plan.batches[batch]?.map((move) => [move.topic, move.standbyTopicId]))
  return madeBy(operation, `create/${batch}`)
    .filter(({ topic, topicId }) => known.get(topic) !== topicId)
    .map(idOf)
}

/** A failover's batch waits for its own version; whatever ends an operation waits for its last one. */
function versionFor(operation: Operation, batch: number): number {
  const names = operation.goal === 'undo' ? ['republish'] : ['publish']
  const versions = Object.entries(operation.steps).flatMap(([name, { result }]) => {
    const [kind = '', number] = name.split('/')
    const counts = names.includes(kind) && (batch < 0 || Number(number) === batch)
    return counts && result?.kind === 'version' ? [result.version] : []
  })
  if (versions.length === 0) throw missing(operation, 'the version of a publish')
  return Math.max(...versions)
}

function madeBy(operation: Operation, step: string): readonly MadeTopic[] {
  const result = operation.steps[step]?.result
  if (result?.kind !== 'topics') throw missing(operation, `the topics of ${step}`)
  return result.topics
}

function offsetsOf(operation: Operation, step: string): readonly EndOffsets[] {
  const result = operation.steps[step]?.result
  if (result?.kind !== 'offsets') throw missing(operation, `the offsets of ${step}`)
  return result.offsets
}

function standbyIds(topics: readonly TopicMove[]): readonly (TopicId & { readonly partitions: number })[] {
  return topics.flatMap(({ topic, standbyTopicId, partitions }) =>
    standbyTopicId === undefined ? [] : [{ topic, topicId: standbyTopicId, partitions }],
  )
}

function idOf({ topic, topicId }: TopicId): TopicId {
  return { topic, topicId }
}

function missing({ id }: Operation, what: string): Error {
  return new Error(`operation ${id} lacks ${what}`)
}
