import type { Effect, EffectRunner } from '../failover/effect.ts'
import type { StepResult } from '../failover/operation.ts'
import { asProblem } from '../provision/clusters.ts'
import { awaitAcknowledged } from './acknowledged.ts'
import { throughCluster } from './canary.ts'
import { awaitDrained } from './drained.ts'
import type { EffectOptions } from './effect-options.ts'
import { EffectWork } from './effect-work.ts'
import { readEndOffsets } from './end-offsets.ts'
import { checkGate } from './gate.ts'
import { callHook } from './hook.ts'
import { awaitLeaders } from './leaders.ts'
import { createTopics, ensureTopics } from './make-topics.ts'
import { publish } from './publish.ts'
import { deleteTopics } from './remove-topics.ts'
import { probeSealed, sealTopics, unsealTopics } from './seal.ts'

const nothing: StepResult = { kind: 'none' }

/**
 * The side effects of failover and failback, on real clusters. Each may be run again, also beside itself under an older term; errors are
 * sentences that say which cluster or broker refused what. A drill (`dryRun`) asks the same clusters and changes nothing but the canary.
 */
export class ClusterEffects implements EffectRunner {
  readonly #options: EffectOptions

  constructor(options: EffectOptions) {
    this.#options = options
  }

  async run(effect: Effect, stopped: AbortSignal): Promise<StepResult> {
    const work = new EffectWork(this.#options, effect, stopped)
    await work.fence()
    const cluster = 'cluster' in effect.body ? effect.body.cluster : 'kafka'
    return asProblem(cluster, () => dispatch(work))
  }
}

async function dispatch(work: EffectWork): Promise<StepResult> {
  const { body } = work.effect
  switch (body.kind) {
    case 'call-hook':
      await callHook(work, body)
      return nothing
    case 'canary':
      await throughCluster(work, body.cluster)
      return nothing
    case 'create-topics':
      return { kind: 'topics', topics: await createTopics(work, body.cluster, body.topics) }
    case 'await-leaders':
      await awaitLeaders(work, body.cluster, body.topics)
      return nothing
    case 'publish':
      return { kind: 'version', version: await publish(work, body) }
    case 'await-acknowledged':
      return awaitAcknowledged(work, body)
    case 'check-gate':
      await checkGate(work, body.cluster)
      return nothing
    case 'ensure-topics':
      return { kind: 'topics', topics: await ensureTopics(work, body.cluster, body.topics) }
    case 'seal-topics':
      await sealTopics(work, body.cluster, body.topics)
      return nothing
    case 'probe-sealed':
      await probeSealed(work, body.cluster, body.topics)
      return nothing
    case 'unseal-topics':
      await unsealTopics(work, body.cluster, body.topics)
      return nothing
    case 'read-end-offsets':
      return { kind: 'offsets', offsets: await readEndOffsets(work, body.cluster, body.topics) }
    case 'await-drained':
      await awaitDrained(work, body.cluster, body.offsets)
      return nothing
    case 'delete-topics':
      await deleteTopics(work, body.cluster, body.topics)
      return nothing
  }
}
