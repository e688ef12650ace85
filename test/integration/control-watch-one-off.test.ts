import assert from 'node:assert/strict'
import { before, describe, it } from 'node:test'
import type { KafkaCluster } from '../../deploy/local/kafka-cluster.ts'
import { facts, partitionsBehind, throughEachBroker } from '../../src/control/watch/one-off.ts'
import type { ClusterSpec } from '../../src/core/resources.ts'
import { fileCleanup } from '../support/file-cleanup.ts'
import { privateCluster } from '../support/private-cluster.ts'
import { makeTopic, uniqueTopic } from '../support/topics.ts'

const file = fileCleanup()
const never = new AbortController().signal
let cluster: KafkaCluster
let spec: ClusterSpec

before(async () => {
  cluster = await privateCluster(file)
  spec = { name: 'standby-a', role: 'standby', bootstrap: cluster.bootstrap }
})

describe('what is asked of a standby once', () => {
  it('tells of its brokers and partitions', async () => {
    const earlier = await facts(spec, never)
    await makeTopic(cluster.bootstrap, uniqueTopic('one.off'), { partitions: 4 })
    const later = await facts(spec, never)
    assert.equal(earlier?.brokers, 1)
    assert.equal(later?.partitions, (earlier?.partitions ?? 0) + 4)
  })

  it('brings a record through its broker, first making the canary topic', async () => {
    await throughEachBroker(spec, never)
    await throughEachBroker(spec, never)
  })

  it('counts the partitions that lack a replica in sync, and none of a topic that is not there', async () => {
    const topic = uniqueTopic('one.off')
    await makeTopic(cluster.bootstrap, topic, { partitions: 2 })
    assert.equal(await partitionsBehind(spec, [topic, 'one.off.not-there'], never), 0)
    assert.equal(await partitionsBehind(spec, [], never), 0)
  })

  it('ends at once when it is told to', async () => {
    await assert.rejects(throughEachBroker(spec, AbortSignal.abort(new Error('enough'))), /enough/)
    await assert.rejects(facts(spec, AbortSignal.abort(new Error('enough'))), /enough/)
  })

  it('says so when the broker hangs, and within the limit', async () => {
    cluster.pauseBroker(1)
    const startedMs = performance.now()
    assert.equal(await facts(spec, never), undefined)
    assert.ok(performance.now() - startedMs < 3000)
    await assert.rejects(throughEachBroker(spec, never), /no broker of standby-a .* answered within 2000 ms/)
    const ended = AbortSignal.timeout(200)
    const abortedMs = performance.now()
    await assert.rejects(throughEachBroker(spec, ended))
    assert.ok(performance.now() - abortedMs < 1500)
    cluster.resumeBroker(1)
    await throughEachBroker(spec, never)
  })

  it('says so when the broker is dead', async () => {
    await cluster.killBroker(1)
    assert.equal(await facts(spec, never), undefined)
    await assert.rejects(throughEachBroker(spec, never), /no broker of standby-a/)
    await assert.rejects(partitionsBehind(spec, ['x'], never), /no broker of standby-a/)
  })
})
