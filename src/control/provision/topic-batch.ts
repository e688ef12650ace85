import { setTimeout as sleep } from 'node:timers/promises'
import { Problem } from '../../core/problems.ts'
import type { ProvisionedTopic, TopicSpec } from '../../core/resources.ts'
import type { BrokerDescription, ClusterAdmin } from '../../kafka/admin.ts'
import { KafkaRefusedError } from '../../kafka/admin-errors.ts'
import type { Growth, TopicDescription } from '../../kafka/admin-topics.ts'
import { configDrift, type Drift } from './config-drift.ts'
import { recordCounts } from './empty-topics.ts'
import { growthOf } from './growth.ts'
import { madeBy, type PlannedTopic } from './new-topic.ts'
import { planTopic } from './plan.ts'

export interface WantedTopic extends PlannedTopic {
  readonly spec: TopicSpec
  /** Topic ids that are ours: a topic that is there under one of them is brought in line. */
  readonly known: readonly string[]
  /** It may be sealed, on its way out: then it stays so. */
  readonly keepSeal?: boolean
}

export interface BatchWork {
  readonly cluster: string
  readonly admin: ClusterAdmin
  readonly brokers: readonly BrokerDescription[]
  /** What of a topic that is there and not ours: taken over where it is as it should be, or where it holds nothing. */
  readonly adopt: 'fitting' | 'empty'
  /** Nothing is made: what is missing is left out of the result. */
  readonly presentOnly?: boolean
  /** Check, and change nothing: a topic that would be made has the id `notMade`. */
  readonly validateOnly?: boolean
  /** Called right before each request that changes something; what it throws ends the batch. */
  readonly beforeChange?: () => Promise<void>
}

export interface FittedTopic {
  readonly topic: ProvisionedTopic
  readonly isNew: boolean
  /** What a person should know: repaired, taken over. */
  readonly notes: readonly string[]
}

/** By name of the Kafka topic; an error is of that topic alone. */
export type FittedTopics = ReadonlyMap<string, FittedTopic | Error>

/** The topic id of a topic that a drill did not make. */
export const notMade = '00000000-0000-0000-0000-000000000000'

const visibleDeadlineMs = 10_000

/**
 * Makes many Kafka topics of one cluster be as they should be, each kind of change in one request for all of them. Idempotent. Does not
 * wait for leaders. Rejects when the cluster does not answer, or with what `beforeChange` throws.
 */
export async function fitTopics(wanted: readonly WantedTopic[], work: BatchWork): Promise<FittedTopics> {
  const names = wanted.map(({ request }) => request.name)
  const found = new Map(await work.admin.describeTopics(names))
  const missing = wanted.filter(({ request }) => !found.has(request.name))
  const results = new Map<string, FittedTopic | Error>()
  if (work.presentOnly !== true) {
    const { made, present } = await make(missing, work)
    for (const [name, result] of made) results.set(name, result)
    for (const [name, topic] of present) found.set(name, topic)
  }
  const there = wanted.flatMap((topic): Present[] => {
    const description = found.get(topic.request.name)
    return description === undefined ? [] : [{ wanted: topic, found: description }]
  })
  for (const [name, result] of await fitPresent(there, work)) results.set(name, result)
  return results
}

interface Present {
  readonly wanted: WantedTopic
  readonly found: TopicDescription
}

/** `present`: made by somebody else between the look and the creation, or by our own creation whose answer was lost. */
async function make(missing: readonly WantedTopic[], work: BatchWork) {
  const made = new Map<string, FittedTopic | Error>()
  const taken: string[] = []
  if (missing.length > 0) await work.beforeChange?.()
  const answers = await work.admin.createTopics(
    missing.map(({ request }) => request),
    work.validateOnly,
  )
  for (const { request, made: planned } of missing) {
    const answer = answers.get(request.name)
    if (answer instanceof KafkaRefusedError && answer.kafkaError === 'TOPIC_ALREADY_EXISTS')
      taken.push(request.name)
    else if (typeof answer === 'string') {
      const topicId = work.validateOnly === true ? notMade : answer
      made.set(request.name, { topic: { ...planned, topicId }, isNew: true, notes: [] })
    } else made.set(request.name, refusal(work.cluster, answer ?? new Error(`nothing of ${request.name}`)))
  }
  return { made, present: await untilVisible(taken, work) }
}

/** A broker may show a topic later than the controller speaks of it. */
async function untilVisible(names: readonly string[], { admin, cluster }: BatchWork) {
  const endMs = performance.now() + visibleDeadlineMs
  for (;;) {
    const found = await admin.describeTopics(names)
    const hidden = names.find((name) => !found.has(name))
    if (hidden === undefined) return found
    if (performance.now() > endMs)
      throw new Error(
        `cluster ${cluster} says that ${hidden} is there and does not show it: it may be being deleted. Try again`,
      )
    await sleep(100)
  }
}

async function fitPresent(there: readonly Present[], work: BatchWork): Promise<FittedTopics> {
  const results = new Map<string, FittedTopic | Error>()
  const drifts = await configDrift(work.admin, there.map(wantedConfigs))
  const records = await recordCounts(
    work.admin,
    work.adopt === 'empty' ? there.filter((topic) => !isOurs(topic)).map(({ found }) => found) : [],
  )
  const changes = new Map<string, Record<string, string>>()
  const growths: Growth[] = []
  for (const present of there) {
    const { name } = present.found
    const drift = drifts.get(name) ?? []
    if (drift instanceof Error) {
      results.set(name, refusal(work.cluster, drift))
      continue
    }
    const problem = misfit(present, drift, work, records.get(name))
    if (problem !== undefined) {
      results.set(name, problem)
      continue
    }
    if (drift.length > 0) changes.set(name, Object.fromEntries(drift.map((one) => [one.name, one.to])))
    const growth = growthOf(present.found, planOf(present), work.brokers)
    if (growth !== undefined) growths.push(growth)
    results.set(name, fitted(present, drift, work))
  }
  await change(growths, changes, results, work)
  return results
}

async function change(
  growths: readonly Growth[],
  changes: ReadonlyMap<string, Record<string, string>>,
  results: Map<string, FittedTopic | Error>,
  { admin, cluster, validateOnly, beforeChange }: BatchWork,
): Promise<void> {
  if (growths.length > 0) await beforeChange?.()
  const grown = await admin.growTopics(growths, validateOnly)
  if (changes.size > 0) await beforeChange?.()
  const altered = await admin.alterTopicConfigs(changes, validateOnly)
  for (const [name, error] of [...grown, ...altered]) results.set(name, refusal(cluster, error))
}

function isOurs({ wanted, found }: Present): boolean {
  return wanted.known.includes(found.topicId)
}

function planOf({ wanted, found }: Present) {
  const replicas = Math.min(...found.partitions.map((partition) => partition.replicas.length))
  return planTopic(wanted.spec, replicas)
}

function wantedConfigs(present: Present) {
  const { name } = present.found
  return { name, configs: planOf(present).configs, keepSeal: present.wanted.keepSeal === true }
}

/** Why a topic that is there cannot be used; `undefined` = it can. `records`: in it, where it is not ours and that matters. */
function misfit(
  present: Present,
  drift: readonly Drift[],
  { cluster, adopt }: BatchWork,
  records: number | undefined,
): Problem | undefined {
  const { name, partitions } = present.found
  const plan = planOf(present)
  const extra = partitions.length - plan.partitions
  if (!isOurs(present) && adopt === 'empty' && records !== 0) {
    const holds = records === undefined ? 'has partitions without a leader' : `holds ${records} records`
    return new Problem(
      'conflict',
      `cluster ${cluster} has a topic ${name} that is not ours and ${holds}. Look whose it is, and delete it`,
    )
  }
  const mustFit = !isOurs(present) && adopt === 'fitting'
  if (extra <= 0 && !(mustFit && (extra < 0 || drift.length > 0))) return undefined
  const differences = [
    ...(extra === 0 ? [] : [`partitions ${partitions.length} instead of ${plan.partitions}`]),
    ...drift.map((one) => `${one.name} ${one.from} instead of ${one.to}`),
  ]
  return new Problem(
    'conflict',
    `cluster ${cluster} has a topic ${name} that does not fit: ${differences.join(', ')}. Change the document or that topic`,
  )
}

function fitted(present: Present, drift: readonly Drift[], { cluster }: BatchWork): FittedTopic {
  const { name, topicId } = present.found
  const adopted = isOurs(present) ? [] : [`${name} was on ${cluster} already and fits: taken over`]
  const repaired = drift.map((one) => `${cluster}: ${one.name} was ${one.from}, now ${one.to}`)
  return {
    topic: { ...madeBy(cluster, planOf(present)), topicId },
    isNew: false,
    notes: [...adopted, ...repaired],
  }
}

function refusal(cluster: string, error: Error): Problem {
  return new Problem('conflict', `cluster ${cluster} refuses: ${error.message}`, { cause: error })
}
