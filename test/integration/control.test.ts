import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { pino } from 'pino'
import { type RunningControl, startControl } from '../../src/control/control-process.ts'
import { systemClock } from '../../src/core/clock.ts'
import { type PlacementDocument, placementETag } from '../../src/core/placement.ts'
import type { Topic } from '../../src/core/resources.ts'
import { ClusterAdmin } from '../../src/kafka/admin.ts'
import { PlacementWatcher } from '../../src/placement/watcher.ts'
import { type ClusterAddress, sharedClusters } from '../support/kafka.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { waitFor } from '../support/wait-for.ts'
import {
  applyTo,
  call,
  clusterDocuments,
  deleteAfter,
  seenByKafkajs,
  uniqueNamespace,
} from './control-support.ts'

const silent = pino({ level: 'silent' })

describe('the control plane on real Kafka', () => {
  const folder = temporaryFolder({ after })
  let fronting: ClusterAddress
  let consumer: ClusterAddress
  let control: RunningControl
  let url = ''

  before(async () => {
    ;({ fronting, consumer } = await sharedClusters())
    const settings = {
      host: '127.0.0.1',
      port: 0,
      store: join(folder, 'control.sqlite'),
      token: '',
      advertise: '',
      leaseMs: 3000,
    }
    control = await startControl(settings, { logger: silent, clock: systemClock })
    url = control.url
    await applyTo(url, clusterDocuments(fronting, consumer))
  })
  after(() => control.drain())

  const placement = async () => (await call<PlacementDocument>(url, 'GET', '/v1/placements')).body

  it('makes the topics of a fast and a durable topic and its route, and changes nothing the second time', async (t) => {
    const space = uniqueNamespace()
    const [fast, durable] = [`${space}.fast`, `${space}.durable`]
    deleteAfter(t, [fronting, consumer], [fast, durable])
    const documents = [
      { kind: 'Topic', name: fast, owner: 'team', partitions: 4, retention: '1h', maxEventBytes: '2MiB' },
      { kind: 'Topic', name: durable, owner: 'team', delivery: 'durable', partitions: 3 },
      { kind: 'Route', topic: fast, sink: { type: 'kafka' } },
    ]
    const first = await applyTo(url, documents)
    assert.deepEqual(
      first.changes.map(({ kind, action }) => `${action} ${kind}`),
      ['create Namespace', 'create Topic', 'create Topic', 'create Route'],
    )
    assert.ok(
      first.changes.at(-1)?.notes.includes('replicas 1 instead of 2: consumer has 1 broker'),
      JSON.stringify(first.changes.at(-1)),
    )

    const seen = await seenByKafkajs(fronting, fast)
    assert.equal(seen?.partitions, 4)
    assert.ok(
      seen.replicas.every((replicas) => new Set(replicas).size === 2),
      JSON.stringify(seen.replicas),
    )
    const expected = {
      'cleanup.policy': 'delete',
      'compression.type': 'producer',
      'max.message.bytes': String(2 * 2 ** 20 + 80 * 1024),
      'message.timestamp.after.max.ms': '9223372036854775807',
      'message.timestamp.type': 'CreateTime',
      'min.insync.replicas': '1',
      'retention.bytes': String(16 * 2 ** 30),
      'retention.ms': '3600000',
      'unclean.leader.election.enable': 'true',
    }
    const shown = Object.fromEntries(Object.keys(expected).map((name) => [name, seen.configs[name]]))
    assert.deepEqual(shown, expected)
    const strict = await seenByKafkajs(fronting, durable)
    assert.ok(
      strict?.replicas.every((replicas) => new Set(replicas).size === 3),
      JSON.stringify(strict),
    )
    assert.equal(strict?.configs['min.insync.replicas'], '2')
    assert.equal(strict?.configs['unclean.leader.election.enable'], 'false')
    const carried = await seenByKafkajs(consumer, fast)
    assert.equal(carried?.partitions, 4)
    assert.equal(carried?.configs['max.message.bytes'], expected['max.message.bytes'])

    const { body } = await call<Topic>(url, 'GET', `/v1/topics/${fast}`)
    assert.deepEqual(
      body.provisioned.map(({ cluster, replicas, degraded }) => ({ cluster, replicas, degraded })),
      [
        { cluster: 'fronting-a', replicas: 2, degraded: undefined },
        { cluster: 'consumer', replicas: 1, degraded: 'replicas 1' },
      ],
    )

    const second = await applyTo(url, documents)
    assert.deepEqual(
      second.changes.map(({ action }) => action),
      ['unchanged', 'unchanged', 'unchanged'],
    )
    assert.equal(second.version, first.version)
  })

  it('publishes a placement only when every partition has a leader, with a version that grows', async (t) => {
    const space = uniqueNamespace()
    const topic = `${space}.events`
    deleteAfter(t, [fronting, consumer], [topic])
    const start = await placement()
    const held = call<PlacementDocument>(url, 'GET', `/v1/placements?after=${start.version}&wait=60`)
    await applyTo(url, [{ kind: 'Topic', name: topic, owner: 'team' }])
    const woken = await held
    assert.equal(woken.status, 200)
    assert.ok(woken.body.version > start.version, `${woken.body.version} after ${start.version}`)
    assert.equal(woken.headers.get('etag'), placementETag(woken.body))
    const placed = woken.body.placements.some((one) => one.topic === topic) ? woken.body : await placement()
    assert.equal(placed.placements.find((one) => one.topic === topic)?.cluster, 'fronting-a')
    const admin = new ClusterAdmin({ bootstrap: fronting.bootstrap })
    t.after(() => admin.close())
    const described = (await admin.describeTopics([topic])).get(topic)
    assert.ok(
      described?.partitions.every(({ leader }) => leader >= 0),
      JSON.stringify(described),
    )
  })

  it('answers a long-poll: 304 with the same ETag, at once with another one', async () => {
    const { headers, body } = await call<PlacementDocument>(url, 'GET', '/v1/placements')
    const path = `/v1/placements?after=${body.version}&wait=0.2`
    const same = await call(url, 'GET', path, undefined, { 'if-none-match': headers.get('etag') ?? '' })
    assert.equal(same.status, 304)
    const other = await call(url, 'GET', `/v1/placements?after=${body.version}&wait=60`, undefined, {
      'if-none-match': '"another-store.1.9"',
    })
    assert.equal(other.status, 200)
  })

  it('wakes 300 waiting followers with one change', async (t) => {
    const space = uniqueNamespace()
    const { version } = await placement()
    const held = Array.from({ length: 300 }, () =>
      call<PlacementDocument>(url, 'GET', `/v1/placements?after=${version}&wait=60`),
    )
    await waitFor(
      async () => {
        const metrics = await (await fetch(`${url}/metrics`)).text()
        return /forebay_placement_waiters (\d+)/.exec(metrics)?.[1] === '300'
      },
      { describe: '300 waiters' },
    )
    await applyTo(url, [{ kind: 'Namespace', name: space, owner: 'team' }])
    const versions = (await Promise.all(held)).map(({ body }) => body.version)
    assert.deepEqual(new Set(versions), new Set([version + 1]))
    t.after(() => call(url, 'DELETE', `/v1/namespaces/${space}`, undefined, { 'if-match': '*' }))
  })

  it('grows partitions on both clusters and follows a new maxEventBytes; repairs what others changed', async (t) => {
    const topic = `${uniqueNamespace()}.events`
    deleteAfter(t, [fronting, consumer], [topic])
    const document = { kind: 'Topic', name: topic, owner: 'team', partitions: 2 }
    const route = { kind: 'Route', topic, sink: { type: 'kafka' } }
    await applyTo(url, [document, route])
    const { changes } = await applyTo(url, [{ ...document, partitions: 5, maxEventBytes: '15MiB' }])
    assert.deepEqual(
      changes.map(({ action }) => action),
      ['update'],
    )
    for (const cluster of [fronting, consumer]) {
      const seen = await seenByKafkajs(cluster, topic)
      assert.equal(seen?.partitions, 5)
      assert.equal(seen?.configs['max.message.bytes'], String(15 * 2 ** 20 + 80 * 1024))
    }
    const admin = new ClusterAdmin({ bootstrap: fronting.bootstrap })
    t.after(() => admin.close())
    const configs = { 'retention.ms': '1000', 'segment.ms': '100000' }
    assert.equal((await admin.alterTopicConfigs(new Map([[topic, configs]]))).size, 0)
    const repaired = await applyTo(url, [{ ...document, partitions: 5, maxEventBytes: '15MiB' }])
    assert.deepEqual(
      repaired.changes[0]?.notes.filter((note) => note.startsWith('fronting-a')),
      ['fronting-a: retention.ms was 1000, now 28800000'],
    )
    const seen = await seenByKafkajs(fronting, topic)
    assert.equal(seen?.configs['retention.ms'], '28800000')
    assert.equal(seen?.configs['segment.ms'], '100000', 'what others have set stays')
  })

  it('takes over a topic that fits, and names what differs on one that does not', async (t) => {
    const space = uniqueNamespace()
    const [topic, foreign] = [`${space}.events`, `${space}.foreign`]
    deleteAfter(t, [fronting], [topic, foreign])
    const document = { kind: 'Topic', name: topic, owner: 'team', partitions: 2 }
    await applyTo(url, [document])
    const admin = new ClusterAdmin({ bootstrap: fronting.bootstrap })
    t.after(() => admin.close())
    await admin.createTopics([
      { name: foreign, partitions: 3, replicas: 1, configs: { 'cleanup.policy': 'compact' } },
    ])
    await admin.awaitLeaders(new Map([[foreign, 3]]), 30_000)
    const refused = await call(url, 'POST', '/v1/topics', { name: foreign, owner: 'team', partitions: 2 })
    assert.equal(refused.status, 409)
    assert.match(
      String(refused.body.detail),
      /partitions 3 instead of 2, cleanup.policy compact instead of delete/,
    )
    assert.equal((await call(url, 'GET', `/v1/topics/${foreign}`)).status, 404)

    // A second control plane with an empty store finds what the first one made, as after a crash between Kafka and the commit.
    const settings = {
      host: '127.0.0.1',
      port: 0,
      store: join(temporaryFolder(t), 'other.sqlite'),
      token: '',
      advertise: '',
      leaseMs: 3000,
    }
    const other = await startControl(settings, { logger: silent, clock: systemClock })
    t.after(() => other.drain())
    await applyTo(other.url, clusterDocuments(fronting, consumer))
    const { changes } = await applyTo(other.url, [document])
    assert.match(String(changes.at(-1)?.notes), /was on fronting-a already and fits: taken over/)
  })

  it('makes a topic anew that somebody deleted, and says that it is empty', async (t) => {
    const topic = `${uniqueNamespace()}.events`
    deleteAfter(t, [fronting], [topic])
    const document = { kind: 'Topic', name: topic, owner: 'team', partitions: 1 }
    await applyTo(url, [document])
    const before = (await call<Topic>(url, 'GET', `/v1/topics/${topic}`)).body.provisioned[0]?.topicId
    const admin = new ClusterAdmin({ bootstrap: fronting.bootstrap })
    t.after(() => admin.close())
    await admin.deleteTopics([String(before)])
    await waitFor(async () => (await seenByKafkajs(fronting, topic)) === undefined, {
      describe: 'the deletion',
    })
    const { changes } = await applyTo(url, [document])
    assert.match(String(changes[0]?.notes), /was gone from fronting-a: made anew, empty/)
    assert.notEqual(
      (await call<Topic>(url, 'GET', `/v1/topics/${topic}`)).body.provisioned[0]?.topicId,
      before,
    )
  })

  it('creates, replaces and deletes with ETags, and deletes a topic only when it is meant', async (t) => {
    const topic = `${uniqueNamespace()}.events`
    deleteAfter(t, [fronting], [topic])
    const document = { name: topic, owner: 'team', partitions: 1 }
    const created = await call<Topic>(url, 'POST', '/v1/topics', document)
    assert.equal(created.status, 201)
    assert.equal(created.headers.get('location'), `/v1/topics/${topic}`)
    const etag = created.headers.get('etag') ?? ''
    assert.equal(etag, `"${created.body.revision}"`)
    const path = `/v1/topics/${topic}`
    assert.equal((await call(url, 'POST', '/v1/topics', document)).status, 409)
    assert.equal((await call(url, 'PUT', path, document)).status, 428)
    const replaced = await call<Topic>(
      url,
      'PUT',
      path,
      { ...document, retention: '2h' },
      { 'if-match': etag },
    )
    assert.equal(replaced.status, 200)
    assert.equal(replaced.body.retentionMs, 7_200_000)
    assert.equal((await call(url, 'PUT', path, document, { 'if-match': etag })).status, 412)
    assert.equal((await call(url, 'DELETE', path, undefined, { 'if-match': etag })).status, 412)
    const asked = await call(url, 'DELETE', path, undefined, { 'if-match': '*' })
    assert.equal(asked.status, 409)
    assert.match(String(asked.body.detail), /1 partitions on fronting-a with every event in them/)
    assert.equal((await call(url, 'DELETE', `${path}?yes=true`, undefined, { 'if-match': '*' })).status, 204)
    assert.equal((await call(url, 'GET', path)).status, 404)
    assert.equal(await seenByKafkajs(fronting, topic), undefined)
    const { status } = await call<Topic>(url, 'POST', '/v1/topics', document)
    assert.equal(status, 201, 'the name can be used again')
  })

  it('keeps twenty applies at the same time apart', async (t) => {
    const space = uniqueNamespace()
    const topics = Array.from({ length: 20 }, (_, index) => `${space}.t${index}`)
    deleteAfter(t, [fronting], topics)
    const { version } = await placement()
    const results = await Promise.all(
      topics.map((name) => applyTo(url, [{ kind: 'Topic', name, owner: 'team', partitions: 1 }])),
    )
    const created = results.flatMap(({ changes }) => changes.filter(({ kind }) => kind === 'Namespace'))
    assert.equal(created.length, 1, 'the namespace is made once')
    const versions = results.map((result) => result.version).sort((a, b) => a - b)
    assert.equal(new Set(versions).size, 20, String(versions))
    const document = await placement()
    assert.equal(document.placements.filter(({ topic }) => topics.includes(topic)).length, 20)
    assert.equal(document.version, version + 21)
  })

  it('says when a cluster does not answer, and leaves nothing half done', async () => {
    const settings = {
      host: '127.0.0.1',
      port: 0,
      store: join(folder, 'dead.sqlite'),
      token: '',
      advertise: '',
      leaseMs: 3000,
    }
    const other = await startControl(settings, { logger: silent, clock: systemClock })
    const dead = { kind: 'Cluster', name: 'dead', role: 'fronting', bootstrap: ['127.0.0.1:1'] }
    const { changes } = await applyTo(other.url, [dead])
    assert.match(String(changes[0]?.notes), /does not answer now/)
    const refused = await call(other.url, 'POST', '/v1/topics', { name: 'a.b', owner: 'team' })
    assert.equal(refused.status, 503)
    assert.equal(refused.body.type, 'urn:forebay:problem:cluster-unavailable')
    assert.deepEqual((await call<PlacementDocument>(other.url, 'GET', '/v1/placements')).body.placements, [])
    assert.equal((await call(other.url, 'GET', '/v1/clusters/dead/brokers')).status, 503)
    await other.drain()
  })

  it('gives the live brokers of a cluster, with their racks', async () => {
    const { body } = await call<{ brokers: object[] }>(url, 'GET', '/v1/clusters/fronting-a/brokers')
    const racks = body.brokers.map((broker) => (broker as { rack?: string }).rack)
    assert.deepEqual(racks, ['a', 'b', 'c'])
  })

  it('pauses and resumes a route in the placement', async (t) => {
    const topic = `${uniqueNamespace()}.events`
    deleteAfter(t, [fronting], [topic])
    await applyTo(url, [
      { kind: 'Topic', name: topic, owner: 'team', partitions: 1 },
      { kind: 'Route', topic, sink: { type: 'file' } },
    ])
    const stateOf = async () => (await placement()).routes.find(({ id }) => id === `${topic}.file`)?.state
    assert.equal(await stateOf(), 'running')
    assert.equal((await call(url, 'POST', `/v1/routes/${topic}.file/pause`)).status, 200)
    assert.equal(await stateOf(), 'paused')
    await applyTo(url, [{ kind: 'Route', topic, sink: { type: 'file' }, from: 'latest' }])
    assert.equal(await stateOf(), 'paused', 'an apply does not resume it')
    assert.equal((await call(url, 'POST', `/v1/routes/${topic}.file/resume`)).status, 200)
    assert.equal(await stateOf(), 'running')
  })

  it('is followed by a watcher', async (t) => {
    const watcher = new PlacementWatcher({
      controlUrls: [url],
      snapshotFile: join(temporaryFolder(t), 'placement.snapshot'),
      logger: silent,
      clock: systemClock,
    })
    await watcher.start()
    t.after(() => watcher.stop())
    const space = uniqueNamespace()
    const { version } = await placement()
    await waitFor(() => watcher.current?.version === version, { describe: `version ${version}` })
    await applyTo(url, [{ kind: 'Namespace', name: space, owner: 'team' }])
    await waitFor(() => watcher.current?.version === version + 1, { describe: `version ${version + 1}` })
  })
})
