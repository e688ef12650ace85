import { join } from 'node:path'
import { Kafka, logLevel } from 'kafkajs'
import { pino } from 'pino'
import { ControlService } from '../../src/control/apply/control-service.ts'
import { ClusterEffects } from '../../src/control/effects/cluster-effects.ts'
import type { EffectOptions } from '../../src/control/effects/effect-options.ts'
import type { Effect, EffectBody } from '../../src/control/failover/effect.ts'
import type { MadeTopic, StepResult } from '../../src/control/failover/operation.ts'
import type { TopicMove } from '../../src/control/failover/plan.ts'
import { ClusterAdmins } from '../../src/control/provision/clusters.ts'
import type { Change, ControlStore } from '../../src/control/store/control-store.ts'
import { openStore } from '../../src/control/store/open-store.ts'
import { StateFeed } from '../../src/control/store/state-feed.ts'
import type { ApplyResult, ProvisionedTopic } from '../../src/core/resources.ts'
import { ClusterAdmin } from '../../src/kafka/admin.ts'
import { lead } from '../support/store-contract.ts'
import { type Cleanup, temporaryFolder } from '../support/temporary-folder.ts'

const silent = pino({ level: 'silent' })

/** A control plane without its API: a store, applies and effects, on real clusters. */
export interface EffectBed {
  readonly store: ControlStore
  readonly feed: StateFeed
  readonly term: number
  readonly progress: readonly string[]
  apply(documents: readonly object[], dryRun?: boolean): Promise<ApplyResult>
  remove(topic: string): Promise<void>
  commit(changes: readonly Change[]): Promise<number>
  run(body: EffectBody, more?: Partial<Effect>, stopped?: AbortSignal): Promise<StepResult>
  /** Effects that give topics. */
  make(body: EffectBody, more?: Partial<Effect>): Promise<readonly MadeTopic[]>
  provisioned(topic: string): readonly ProvisionedTopic[]
  /** As a plan has it. */
  move(topic: string, standby: string): TopicMove
}

export async function effectBed(owner: Cleanup, options: Partial<EffectOptions> = {}): Promise<EffectBed> {
  const store = await openStore(join(temporaryFolder(owner), 'control.sqlite'), {
    wallMs: () => Date.now(),
    onTrouble: () => undefined,
  })
  const authority = await lead(store)
  const feed = await StateFeed.open(store)
  const admins = new ClusterAdmins()
  const committed = () => feed.refresh()
  const service = new ControlService({
    ...{ store, admins, committed, logger: silent },
    authority: (by) => ({ ...by, term: authority.term }),
  })
  const progress: string[] = []
  const effects = new ClusterEffects({
    ...{ store, feed, admins, committed, commits: service.commits, logger: silent },
    probes: { throughEachBroker: async () => undefined, partitionsBehind: async () => 0 },
    hooks: { scaleUp: '', scaleDown: '', timeoutMs: 5000 },
    acknowledgement: () => ({ complete: true, acknowledged: [], waitingFor: [], ended: [] }),
    progress: (_effect, sentence) => {
      progress.push(sentence)
    },
    ...options,
  })
  owner.after(async () => {
    await admins.close()
    await store.close()
  })
  const run: EffectBed['run'] = (body, more = {}, stopped = new AbortController().signal) =>
    effects.run(
      {
        ...{ key: 'op-1/step', operation: 'op-1', step: 'step', term: authority.term },
        ...{ dryRun: false, delayMs: 0, body, ...more },
      },
      stopped,
    )
  const provisioned = (topic: string) => feed.get('Topic', topic)?.provisioned ?? []
  return {
    ...{ store, feed, progress, run, provisioned, term: authority.term },
    apply: (documents, dryRun = false) => service.apply(documents, dryRun, { actor: 'test' }),
    remove: (topic) => service.remove('Topic', topic, '*', true, { actor: 'test' }),
    async commit(changes) {
      const version = await store.commit(changes, authority)
      await committed()
      return version
    },
    async make(body, more) {
      const result = await run(body, more)
      if (result.kind !== 'topics') throw new Error(`${body.kind} gave ${result.kind}`)
      return result.topics
    },
    move(topic, standby) {
      const stored = feed.get('Topic', topic)
      if (stored === undefined) throw new Error(`there is no topic ${topic}`)
      const { spec } = stored
      const idOn = (cluster: string) => provisioned(topic).find((one) => one.cluster === cluster)?.topicId
      const [homeTopicId, standbyTopicId] = [idOn(spec.cluster), idOn(standby)]
      const placement = feed.current.document.placements.find((one) => one.topic === topic)
      return {
        ...{ topic, partitions: spec.partitions, spec, holders: placement?.holders ?? [] },
        ...(homeTopicId === undefined ? {} : { homeTopicId }),
        ...(standbyTopicId === undefined ? {} : { standbyTopicId }),
      }
    },
  }
}

/** A cluster as kafkajs sees it, which shares no code with ours. */
export function independentClient(owner: Cleanup, bootstrap: readonly string[]) {
  const kafka = new Kafka({ clientId: 'test', brokers: [...bootstrap], logLevel: logLevel.NOTHING })
  const producer = kafka.producer({ allowAutoTopicCreation: false, retry: { retries: 0 } })
  const admin = kafka.admin()
  const connected = Promise.all([producer.connect(), admin.connect()])
  owner.after(async () => {
    await connected
    await Promise.all([producer.disconnect(), admin.disconnect()])
  })
  return {
    /** Gives the error code; 0 = taken. */
    async produce(topic: string, partition: number, acks: 1 | -1 = 1): Promise<number> {
      await connected
      try {
        await producer.send({ topic, acks, messages: [{ partition, value: 'x' }] })
        return 0
      } catch (error) {
        return Number((error as { code?: number }).code ?? -1)
      }
    },
    async commitGroup(groupId: string, topic: string, offsets: readonly number[]): Promise<void> {
      await connected
      const partitions = offsets.map((offset, partition) => ({ partition, offset: String(offset) }))
      await admin.setOffsets({ groupId, topic, partitions })
    },
  }
}

/** Our own admin, closed afterwards. */
export function adminOf(owner: Cleanup, bootstrap: readonly string[]): ClusterAdmin {
  const admin = new ClusterAdmin({ bootstrap })
  owner.after(() => admin.close())
  return admin
}

export async function idOf(admin: ClusterAdmin, topic: string): Promise<string | undefined> {
  return (await admin.describeTopics([topic])).get(topic)?.topicId
}
