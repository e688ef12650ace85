import assert from 'node:assert/strict'
import { before, beforeEach, type TestContext, test } from 'node:test'
import { Kafka, logLevel } from 'kafkajs'
import type { KafkaCluster } from '../../deploy/local/kafka-cluster.ts'
import type { PlacementDocument, TopicPlacement } from '../../src/core/placement.ts'
import { fileCleanup } from '../support/file-cleanup.ts'
import { type ReadRecord, readAll } from '../support/independent-reader.ts'
import { placedTopic } from '../support/placed-topic.ts'
import { privateCluster } from '../support/private-cluster.ts'
import { StandInControl } from '../support/stand-in-control.ts'
import { makeTopic, uniqueTopic } from '../support/topics.ts'
import { waitFor } from '../support/wait-for.ts'
import { assertConserved, type RunningProxy, readMetrics, startProxy } from './proxy-support.ts'
import { SwitchLoad } from './proxy-switch-load.ts'

const file = fileCleanup()
let a: KafkaCluster
let b: KafkaCluster
const partitions = 6

before(async () => {
  ;[a, b] = await Promise.all([privateCluster(file), privateCluster(file)])
})

/** Each test may leave the first cluster down or hung. */
beforeEach(async () => {
  const [broker] = a.brokers
  if (broker?.state === 'paused') a.resumeBroker(1)
  if (broker?.pid === undefined) await a.startBroker(1)
})

/** A topic on both clusters, a proxy before them, and a stand-in for the control plane that moves it. */
class Bed {
  readonly topic = uniqueTopic('switch')
  readonly #context: TestContext
  readonly #control: StandInControl
  readonly #delivery: TopicPlacement['delivery']
  #version = 1
  #proxy: RunningProxy | undefined

  private constructor(context: TestContext, control: StandInControl, delivery: TopicPlacement['delivery']) {
    this.#context = context
    this.#control = control
    this.#delivery = delivery
  }

  static async start(
    context: TestContext,
    { at = 'a' as 'a' | 'b', delivery = 'fast' as TopicPlacement['delivery'] } = {},
  ): Promise<Bed> {
    const control = await StandInControl.start(context, documentOf(1, []))
    const bed = new Bed(context, control, delivery)
    for (const cluster of [a, b]) await makeTopic(cluster.bootstrap, bed.topic, { partitions })
    control.place(bed.document(at))
    bed.#proxy = await startProxy(context, bed.document(at), [], { control })
    return bed
  }

  get control(): StandInControl {
    return this.#control
  }

  get proxy(): RunningProxy {
    if (this.#proxy === undefined) throw new Error('the proxy does not run')
    return this.#proxy
  }

  document(cluster: 'a' | 'b'): PlacementDocument {
    const placement = placedTopic(this.topic, {
      cluster,
      standby: 'b',
      holders: ['a', 'b'],
      partitions,
      delivery: this.#delivery,
    })
    return documentOf(this.#version, [placement])
  }

  place(cluster: 'a' | 'b'): void {
    this.#version += 1
    this.#control.place(this.document(cluster))
  }

  load(): SwitchLoad {
    const load = new SwitchLoad(this.proxy.url, this.topic)
    this.#context.after(() => load.stop())
    return load
  }

  async untilInFlight(events: number): Promise<void> {
    await waitFor(
      async () => ((await readMetrics(this.proxy)).get('forebay_events_in_flight') ?? 0) >= events,
      {
        describe: `${events} events in flight`,
      },
    )
  }

  async settled(): Promise<ReadonlyMap<string, number>> {
    const metrics = await waitFor(
      async () => {
        const now = await readMetrics(this.proxy)
        return now.get('forebay_events_in_flight') === 0 ? now : undefined
      },
      {
        describe: 'nothing in flight',
        state: () => this.proxy.process.output.slice(-4000),
        timeoutMs: 60_000,
      },
    )
    assertConserved(metrics)
    return metrics
  }

  /** What arrived, by cluster; the first cluster is started again when it is down. */
  async records(): Promise<{ onA: readonly ReadRecord[]; onB: readonly ReadRecord[] }> {
    if (a.brokers[0]?.state === 'paused') a.resumeBroker(1)
    if (a.brokers[0]?.pid === undefined) await a.startBroker(1)
    return { onA: await readAll(a.bootstrap, this.topic), onB: await readAll(b.bootstrap, this.topic) }
  }

  count(metrics: ReadonlyMap<string, number>, name: string): number {
    return metrics.get(`forebay_events_${name}_total{topic="${this.topic}"}`) ?? 0
  }

  /** Lost and duplicate ids of what the load sent and the proxy took; printed with what the proxy counted. */
  async judge(
    load: SwitchLoad,
  ): Promise<{ lost: number; duplicates: number; resent: number; moved: number }> {
    const metrics = await this.settled()
    const { onA, onB } = await this.records()
    const seen = new Map<string, number>()
    for (const { value } of [...onA, ...onB]) seen.set(String(value), (seen.get(String(value)) ?? 0) + 1)
    const verdict = {
      accepted: load.accepted.length,
      refused: load.refused,
      onA: onA.length,
      onB: onB.length,
      lost: load.accepted.filter((id) => !seen.has(id)).length,
      duplicates: onA.length + onB.length - seen.size,
      resent: this.count(metrics, 'resent'),
      moved: this.count(metrics, 'moved'),
    }
    this.#context.diagnostic(JSON.stringify(verdict))
    assert.equal(load.refused, 0, 'no client sees a refusal')
    return verdict
  }
}

function documentOf(version: number, placements: readonly TopicPlacement[]): PlacementDocument {
  return {
    storeId: 'test',
    leaseTerm: 1,
    version,
    clusters: [
      { id: 'a', role: 'fronting', bootstrap: a.bootstrap },
      { id: 'b', role: 'standby', bootstrap: b.bootstrap },
    ],
    placements,
    routes: [],
  }
}

test('a planned move under load: nothing lost, nothing twice, nothing refused, and the order per key holds', async (t) => {
  const bed = await Bed.start(t)
  const load = bed.load()
  await load.untilAccepted(500)
  bed.place('b')
  await load.untilAccepted(1000)
  // Back again, and forth, before the first move can have settled everywhere.
  bed.place('a')
  bed.place('b')
  await load.untilAccepted(1500)
  await load.stop()
  const { lost, duplicates, resent } = await bed.judge(load)
  assert.deepEqual({ lost, duplicates, resent }, { lost: 0, duplicates: 0, resent: 0 })
  const { onA, onB } = await bed.records()
  assert.ok(onA.length > 0 && onB.length > 0)
  for (const key of load.keys) {
    // One partition holds a key's records; the epochs order those of two clusters.
    const records = [...onA, ...onB].filter((record) => String(record.key) === key)
    const epochOf = ({ headers }: ReadRecord) => Number(headers.forebay_epoch)
    const epochs = [...new Set(records.map(epochOf))].toSorted((one, other) => one - other)
    const inOrder = epochs.flatMap((epoch) => records.filter((record) => epochOf(record) === epoch))
    const numbers = inOrder.map(({ value }) => load.numberOf(String(value)))
    assert.deepEqual(
      numbers,
      numbers.toSorted((one, other) => one - other),
      `key ${key}`,
    )
  }
})

test('every broker killed, then the topic is placed on the standby: nothing lost, duplicates at most what was resent', async (t) => {
  const bed = await Bed.start(t)
  const load = bed.load()
  await load.untilAccepted(500)
  await a.killBroker(1)
  await load.untilAccepted(1000)
  bed.place('b')
  await load.untilAccepted(1500)
  await load.stop()
  const { lost, duplicates, resent, moved } = await bed.judge(load)
  assert.equal(lost, 0)
  assert.ok(duplicates <= resent, `${duplicates} duplicates, ${resent} resent`)
  assert.ok(moved > 0)
})

for (const [delivery, waiting] of [
  ['fast', 300],
  // One request of each loop.
  ['durable', 40],
] as const) {
  test(`every broker hung, then the topic is placed on the standby: nothing lost that was ${delivery}, and late acknowledgements are not believed`, async (t) => {
    const bed = await Bed.start(t, { delivery })
    const load = bed.load()
    await load.untilAccepted(300)
    a.pauseBroker(1)
    const before = load.accepted.length
    await bed.untilInFlight(waiting)
    bed.place('b')
    await load.untilAccepted(before + 600)
    await load.stop()
    await bed.settled()
    a.resumeBroker(1)
    const { lost, duplicates, resent } = await bed.judge(load)
    assert.equal(lost, 0)
    assert.ok(duplicates <= resent, `${duplicates} duplicates, ${resent} resent`)
  })
}

async function seal(cluster: KafkaCluster, topic: string): Promise<void> {
  const admin = new Kafka({ brokers: [...cluster.bootstrap], logLevel: logLevel.NOTHING }).admin()
  await admin.connect()
  const configEntries = [{ name: 'max.message.bytes', value: '0' }]
  await admin.alterConfigs({ validateOnly: false, resources: [{ type: 2, name: topic, configEntries }] })
  await admin.disconnect()
}

async function remove(cluster: KafkaCluster, topic: string): Promise<void> {
  const admin = new Kafka({ brokers: [...cluster.bootstrap], logLevel: logLevel.NOTHING }).admin()
  await admin.connect()
  await admin.deleteTopics({ topics: [topic] })
  await admin.disconnect()
}

for (const [word, end] of [
  ['sealed', seal],
  ['deleted', remove],
] as const) {
  test(`a proxy that never heard of the move writes to a topic that was ${word}: its events arrive where the topic is now`, async (t) => {
    const bed = await Bed.start(t, { at: 'b' })
    const load = bed.load()
    await load.untilAccepted(200)
    // From now on it hears nothing, until it is let.
    bed.control.mood = 'fails'
    bed.control.place(bed.document('b'))
    await waitFor(() => bed.proxy.process.output.includes('control-plane-away'), {
      describe: 'the proxy to miss the control plane',
    })
    bed.place('a')
    await end(b, bed.topic)
    const before = load.accepted.length
    await load.untilAccepted(before + 300)
    await waitFor(() => bed.proxy.process.output.includes('nobody confirms where it is'), {
      describe: 'a refusal that is no outcome',
      state: () => bed.proxy.process.output.slice(-4000),
    })
    bed.control.mood = 'well'
    await load.untilAccepted(before + 600)
    await load.stop()
    const metrics = await bed.settled()
    const onA = new Set((await readAll(a.bootstrap, bed.topic)).map(({ value }) => String(value)))
    // What was acknowledged before the topic was deleted went with it, as a drained standby's does.
    const onB = word === 'deleted' ? [] : await readAll(b.bootstrap, bed.topic)
    for (const { value } of onB) onA.add(String(value))
    const missing = load.accepted.filter((id) => !onA.has(id))
    const late = missing.filter((id) => load.accepted.indexOf(id) >= before)
    t.diagnostic(
      `${load.accepted.length} accepted, ${missing.length} missing, ${late.length} of them sent late`,
    )
    assert.deepEqual(late, [])
    if (word === 'sealed') assert.deepEqual(missing, [])
    assert.deepEqual([bed.count(metrics, 'resent'), load.refused], [0, 0])
    assert.ok(bed.count(metrics, 'moved') > 0)
  })
}
