import assert from 'node:assert/strict'
import type { Effect, EffectBody, Publish } from '../../../../src/control/failover/effect.ts'
import type { EndOffsets, MadeTopic, StepResult } from '../../../../src/control/failover/operation.ts'
import type { PlacedTopic } from '../../../../src/control/failover/plan.ts'
import type { StoredPlacement } from '../../../../src/control/store/control-store.ts'
import { placedTopics } from './topics.ts'

interface WorldTopic {
  readonly topicId: string
  led: boolean
  sealed: boolean
  probed: boolean
}

const none: StepResult = { kind: 'none' }

/**
 * Two clusters, their proxies and the store, as far as an operation can touch them. Each effect is refused, by an assertion, at a moment
 * when it could lose an event. Every effect is idempotent, as real ones must be.
 */
export class World {
  readonly home = new Map<string, WorldTopic>()
  readonly standby = new Map<string, WorldTopic>()
  readonly placements = new Map<string, StoredPlacement>()
  readonly provisioned = new Map<string, MadeTopic[]>()
  /** (cluster, topic id) that every route has delivered to its end. */
  readonly drained = new Set<string>()
  readonly hookKeys = new Map<string, number>()
  readonly keys = new Set<string>()
  /** The version that last moved a topic. */
  readonly movedBy = new Map<string, number>()
  version = 7
  acknowledged = 7
  #ids = 0

  constructor(topics: readonly PlacedTopic[]) {
    for (const { spec, placement, provisioned } of topics) {
      this.placements.set(spec.name, placement)
      this.provisioned.set(
        spec.name,
        provisioned.map((made) => ({ ...made, topic: spec.name })),
      )
      for (const { cluster, topicId } of provisioned)
        this.#topics(cluster).set(spec.name, { topicId, led: true, sealed: false, probed: false })
    }
  }

  /** What the store would say now: for a plan made later. */
  placed(): readonly PlacedTopic[] {
    return placedTopics(this.placements.size).map((topic) => ({
      spec: topic.spec,
      placement: this.placements.get(topic.spec.name) ?? topic.placement,
      provisioned: this.provisioned.get(topic.spec.name) ?? [],
    }))
  }

  /** Everything that an operation leaves behind, without what differs by chance. */
  outcome() {
    const clusters = [this.home, this.standby].map((topics) =>
      [...topics].map(([name, { led, sealed }]) => ({ name, led, sealed })).sort(byName),
    )
    return { clusters, placements: [...this.placements].sort(), hooks: [...this.hookKeys.keys()].sort() }
  }

  run({ key, body }: Effect): StepResult {
    this.keys.add(key)
    switch (body.kind) {
      case 'call-hook':
        this.hookKeys.set(key, (this.hookKeys.get(key) ?? 0) + 1)
        return none
      case 'canary':
      case 'check-gate':
        return none
      case 'create-topics':
      case 'ensure-topics':
        return { kind: 'topics', topics: this.#make(body) }
      case 'await-leaders':
        for (const { topic } of body.topics) this.#topic(body.cluster, topic).led = true
        return none
      case 'publish':
        return { kind: 'version', version: this.#publish(body) }
      case 'await-acknowledged':
        assert.ok(body.version <= this.version, 'a version that was never published')
        this.acknowledged = Math.max(this.acknowledged, body.version)
        return { kind: 'proxies', acknowledged: 3, ended: [] }
      case 'read-end-offsets':
        return { kind: 'offsets', offsets: this.#endOffsets(body) }
      case 'await-drained':
        for (const { topicId } of body.offsets) this.drained.add(`${body.cluster}/${topicId}`)
        return none
      default:
        return this.#seal(body)
    }
  }

  #seal(
    body: EffectBody & { kind: 'seal-topics' | 'unseal-topics' | 'probe-sealed' | 'delete-topics' },
  ): StepResult {
    if (body.kind === 'delete-topics') return this.#delete(body)
    for (const { topic } of body.topics) {
      const found = this.#topic(body.cluster, topic)
      if (body.kind === 'probe-sealed') {
        assert.ok(found.sealed, `${topic} takes what the probe sends`)
        found.probed = true
      } else {
        const isPlacedHere = this.placements.get(topic)?.cluster === body.cluster
        assert.ok(
          body.kind === 'unseal-topics' || !isPlacedHere,
          `${topic} is sealed while it is placed there`,
        )
        found.sealed = body.kind === 'seal-topics'
        found.probed = false
      }
    }
    return none
  }

  #make({ cluster, topics }: EffectBody & { kind: 'create-topics' | 'ensure-topics' }): readonly MadeTopic[] {
    return topics.map(({ topic, partitions }): MadeTopic => {
      const there = this.#topics(cluster).get(topic)
      const made = there ?? { topicId: `made-${++this.#ids}`, led: false, sealed: false, probed: false }
      // Home's are made by the provisioner, which waits for leaders.
      if (cluster === 'fronting-a') made.led = true
      this.#topics(cluster).set(topic, made)
      return {
        topic,
        cluster,
        topicId: made.topicId,
        partitions,
        replicas: 1,
        minInSync: 1,
        degraded: 'replicas 1',
      }
    })
  }

  #publish({ placements, made, deletions }: Publish): number {
    for (const placement of placements) {
      const { topic, cluster, holders } = placement
      const target = this.#topic(cluster, topic)
      assert.ok(target.led, `${topic} is published on ${cluster} before it has leaders`)
      assert.ok(!target.sealed, `${topic} is published on ${cluster} while it is sealed`)
      assert.ok(holders.includes(cluster))
      for (const holder of this.placements.get(topic)?.holders ?? [])
        if (!holders.includes(holder)) this.#assertDrained(holder, topic)
      if (this.placements.get(topic)?.cluster !== cluster) this.movedBy.set(topic, this.version + 1)
      this.placements.set(topic, placement)
    }
    for (const topic of made) {
      const others = (this.provisioned.get(topic.topic) ?? []).filter(
        (known) => known.cluster !== topic.cluster,
      )
      this.provisioned.set(topic.topic, [...others, topic])
    }
    for (const { topic, cluster } of deletions) {
      const known = this.provisioned.get(topic) ?? []
      this.provisioned.set(
        topic,
        known.filter((one) => one.cluster !== cluster),
      )
    }
    this.version += 1
    return this.version
  }

  #endOffsets({ cluster, topics }: EffectBody & { kind: 'read-end-offsets' }): readonly EndOffsets[] {
    return topics.map(({ topic, topicId }) => {
      const found = this.#topic(cluster, topic)
      assert.equal(found.topicId, topicId)
      if (cluster === 'standby-a') {
        assert.ok(found.sealed && found.probed, `the ends of ${topic} are read while it takes records`)
        const movedBy = this.movedBy.get(topic) ?? 0
        assert.ok(this.acknowledged >= movedBy, 'the ends are read before the proxies acknowledged')
      }
      return { topic, topicId, ends: [1, 2, 3] }
    })
  }

  #delete({ cluster, topics }: EffectBody & { kind: 'delete-topics' }): StepResult {
    for (const { topic, topicId } of topics) {
      const found = this.#topics(cluster).get(topic)
      if (found?.topicId !== topicId) continue
      const holders = this.placements.get(topic)?.holders ?? []
      assert.ok(!holders.includes(cluster), `${topic} is deleted while ${cluster} holds it`)
      this.#topics(cluster).delete(topic)
    }
    return none
  }

  #assertDrained(cluster: string, topic: string): void {
    const { topicId } = this.#topic(cluster, topic)
    assert.ok(this.drained.has(`${cluster}/${topicId}`), `${cluster} is let go with records of ${topic}`)
    const homeId = this.#topic('fronting-a', topic).topicId
    assert.ok(this.drained.has(`fronting-a/${homeId}`), `what the failed cluster held of ${topic} is not out`)
    const { placements } = this
    assert.notEqual(placements.get(topic)?.cluster, cluster)
  }

  #topics(cluster: string): Map<string, WorldTopic> {
    return cluster === 'fronting-a' ? this.home : this.standby
  }

  #topic(cluster: string, topic: string): WorldTopic {
    const found = this.#topics(cluster).get(topic)
    assert.ok(found, `${topic} is not on ${cluster}`)
    return found
  }
}

function byName(a: { name: string }, b: { name: string }): number {
  return a.name < b.name ? -1 : 1
}
