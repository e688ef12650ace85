import { Problem } from '../../core/problems.ts'
import type { ApplyChange, ApplyResult } from '../../core/resources.ts'
import type { Logger } from '../../telemetry/logger.ts'
import { type CheckedDocument, checkDocument } from '../documents/check.ts'
import { resolveDocument } from '../documents/resolve.ts'
import type { ClusterAdmins } from '../provision/clusters.ts'
import type {
  Authority,
  Authorship,
  Change,
  ControlStore,
  ResourceKind,
  StoredResource,
} from '../store/control-store.ts'
import { Applier } from './applier.ts'
import { Mutex } from './mutex.ts'
import { deletePending } from './pending-deletions.ts'
import { checkDocuments } from './plan-changes.ts'
import { routesOf } from './realise.ts'
import { clusterUser } from './rules.ts'

export interface ControlServiceOptions {
  readonly store: ControlStore
  readonly admins: ClusterAdmins
  readonly logger: Logger
  readonly committed: (version: number) => Promise<void>
  /** The right to write; throws a Problem while this replica does not lead. */
  readonly authority: (by: Authorship) => Authority
}

/** `*`, or the revision that the caller has read. */
export type IfMatch = '*' | number

/**
 * Everything that changes the control plane's state. Writes run one at a time, each to its end: reading, making Kafka topics and
 * committing do not interleave. Errors are Problems.
 */
export class ControlService {
  /**
   * Held from reading what is placed to committing what follows from it, and never while Kafka is asked. Who moves placements beside
   * this service takes it too, so that neither undoes what the other has just committed.
   */
  readonly commits = new Mutex()
  readonly #options: ControlServiceOptions
  readonly #applier: Applier
  readonly #writes = new Mutex()

  constructor(options: ControlServiceOptions) {
    this.#options = options
    this.#applier = new Applier({ ...options, commits: this.commits })
  }

  /** Documents as users write them. Idempotent. */
  async apply(documents: readonly unknown[], dryRun: boolean, by: Authorship): Promise<ApplyResult> {
    const checked = checkDocuments(documents)
    if (dryRun) return this.#applier.dryRun(checked)
    return this.#write(by, (authority) => this.#apply(checked, authority))
  }

  /** The one document of a POST; a conflict when there is something of that name. Gives what became of it. */
  async create(kind: ResourceKind, document: unknown, by: Authorship): Promise<ApplyChange> {
    const checked = checkDocument(document, kind)
    return this.#write(by, async (authority) => {
      const { name } = resolveDocument(checked, await this.#options.store.load())
      if ((await this.#options.store.get(kind, name)) !== undefined)
        throw new Problem(
          'conflict',
          `there is a ${kind} ${name} already: PUT replaces it, apply makes it so`,
        )
      return only(await this.#apply([checked], authority), kind, name)
    })
  }

  async replace(
    kind: ResourceKind,
    name: string,
    document: unknown,
    ifMatch: IfMatch,
    by: Authorship,
  ): Promise<ApplyChange> {
    const named = typeof document === 'object' && document !== null ? { name, ...document } : document
    const checked = checkDocument(named, kind)
    if (checked.document.name !== name)
      throw new Problem(
        'invalid-document',
        `${checked.label}: name: the address says ${name}, and names do not change`,
      )
    return this.#write(by, async (authority) => {
      await this.#find(kind, name, ifMatch)
      return only(await this.#apply([checked], authority), kind, name)
    })
  }

  /** `yes`: the caller knows that the topic's events go too. */
  async remove(
    kind: ResourceKind,
    name: string,
    ifMatch: IfMatch,
    yes: boolean,
    by: Authorship,
  ): Promise<void> {
    await this.#write(by, async (authority) => {
      const found = await this.#find(kind, name, ifMatch)
      await this.#refuseWhileUsed(kind, name)
      if (kind === 'Topic' && !yes) throw confirmTopic(found as StoredResource<'Topic'>)
      await this.commits.run(async () => {
        // Read again: a topic that has just been moved is on one cluster more.
        const provisioned = (await this.#options.store.get(kind, name))?.provisioned ?? []
        const deletions = kind === 'Topic' ? provisioned : []
        await this.#commit(
          [
            { action: 'delete', kind, name },
            ...deletions.map(
              ({ cluster, topicId }): Change => ({
                action: 'deleteLater',
                deletion: { cluster, topic: name, topicId },
              }),
            ),
          ],
          authority,
        )
      })
      if (kind === 'Cluster') await this.#options.admins.forget(name)
      await this.#deletePending(authority)
    })
  }

  async setRouteState(
    name: string,
    state: 'running' | 'paused',
    by: Authorship,
  ): Promise<StoredResource<'Route'>> {
    return this.#write(by, async (authority) => {
      const found = await this.#find('Route', name, '*')
      if (found.spec.state === state) return found
      await this.#commit([{ action: 'put', kind: 'Route', spec: { ...found.spec, state } }], authority)
      return this.#find('Route', name, '*')
    })
  }

  /** Ends what a crash left over: Kafka topics that were to be deleted. */
  async resume(): Promise<void> {
    await this.#write({ actor: 'control' }, (authority) => this.#deletePending(authority))
  }

  /** Resolves when no write is under way. */
  async settled(): Promise<void> {
    await this.#writes.run(async () => undefined)
  }

  /**
   * One at a time. The term is taken before anything is read, so that a decision made under one term is never written under a later one.
   */
  #write<Result>(by: Authorship, work: (authority: Authority) => Promise<Result>): Promise<Result> {
    return this.#writes.run(() => work(this.#options.authority(by)))
  }

  /** What is to be deleted goes first: a topic of the same name must not be taken over and then deleted. */
  async #apply(checked: readonly CheckedDocument[], by: Authority): Promise<ApplyResult> {
    await this.#deletePending(by)
    return this.#applier.apply(checked, by)
  }

  async #find<Kind extends ResourceKind>(
    kind: Kind,
    name: string,
    ifMatch: IfMatch,
  ): Promise<StoredResource<Kind>> {
    const found = await this.#options.store.get(kind, name)
    if (found === undefined) throw new Problem('not-found', `there is no ${kind} ${name}`)
    if (ifMatch !== '*' && ifMatch !== found.revision) {
      throw new Problem(
        'precondition-failed',
        `${kind} ${name} has revision ${found.revision} by now, not ${ifMatch}`,
      )
    }
    return found
  }

  async #refuseWhileUsed(kind: ResourceKind, name: string): Promise<void> {
    const state = await this.#options.store.load()
    if (kind === 'Topic') {
      const routes = routesOf(name, state).map(({ spec }) => spec.name)
      if (routes.length > 0)
        throw new Problem('conflict', `Topic ${name} is carried by ${routes.join(', ')}: delete them first`)
    }
    const topic = [...state.Topic.keys()].find((other) => other.startsWith(`${name}.`))
    if (kind === 'Namespace' && topic !== undefined)
      throw new Problem('conflict', `Namespace ${name} has topics, such as ${topic}: delete them first`)
    const user = clusterUser(name, state)
    if (kind === 'Cluster' && user !== undefined)
      throw new Problem('conflict', `Cluster ${name} is used by ${user}`)
  }

  #deletePending(by: Authority): Promise<void> {
    return deletePending(this.#options, by)
  }

  async #commit(changes: readonly Change[], by: Authority): Promise<void> {
    const version = await this.#options.store.commit(changes, by)
    this.#options.logger.info({ version, changes: changes.length, reason: by.reason }, 'committed')
    await this.#options.committed(version)
  }
}

function confirmTopic({ spec, provisioned }: StoredResource<'Topic'>): Problem {
  const where = provisioned.map(({ cluster }) => cluster).join(', ') || spec.cluster
  return new Problem(
    'conflict',
    `Topic ${spec.name}: deleting it takes its ${spec.partitions} partitions on ${where} with every event in them, delivered to a sink or not, and events that proxies hold for it. Ask again with yes=true`,
    { extensions: { partitions: spec.partitions, clusters: provisioned.map(({ cluster }) => cluster) } },
  )
}

function only(result: ApplyResult, kind: ResourceKind, name: string): ApplyChange {
  const change = result.changes.find((candidate) => candidate.kind === kind && candidate.name === name)
  if (change === undefined) throw new Error(`${kind} ${name} was not applied`)
  return change
}
