import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { decodeCanary, encodeCanary } from '../../../../src/control/watch/canary-record.ts'
import {
  canaryPartitions,
  canaryTopic,
  creationProblem,
  missingCanaries,
} from '../../../../src/control/watch/canary-topic.ts'

const partition = (partitionId: number, replicas: readonly number[], leader = replicas[0] ?? -1) => ({
  partitionErrorCode: 0,
  partitionId,
  leader,
  replicas,
  isr: replicas,
})
const topic = (...partitionMetadata: ReturnType<typeof partition>[]) => ({
  topicErrorCode: 0,
  topic: canaryTopic,
  partitionMetadata,
})
const absent = { topicErrorCode: 3, topic: canaryTopic, partitionMetadata: [] }
const apiOf = (request: ReturnType<typeof missingCanaries>) => request?.request.apiName

describe('the partitions of the canary', () => {
  it('belong to the broker that alone holds them, the lowest where there are two', () => {
    const found = canaryPartitions(topic(partition(2, [1]), partition(0, [3]), partition(1, [1], -1)))
    assert.deepEqual(
      [...found].sort(),
      [
        [1, { partition: 1, led: false }],
        [3, { partition: 0, led: true }],
      ].sort(),
    )
  })

  it('are nobody’s while they are moved or the topic is not there', () => {
    assert.equal(canaryPartitions(topic(partition(0, [1, 2]))).size, 0)
    assert.equal(canaryPartitions(absent).size, 0)
    assert.equal(canaryPartitions(undefined).size, 0)
  })

  it('are made with the topic, and added for new brokers', () => {
    assert.equal(apiOf(missingCanaries(absent, [1, 2, 3], 1000)), 'CreateTopics')
    assert.equal(apiOf(missingCanaries(undefined, [1], 1000)), 'CreateTopics')
    assert.equal(apiOf(missingCanaries(topic(partition(0, [1])), [1, 2], 1000)), 'CreatePartitions')
  })

  it('are left alone when every broker has one or the metadata cannot tell', () => {
    assert.equal(missingCanaries(topic(partition(0, [1]), partition(1, [2])), [1, 2], 1000), undefined)
    assert.equal(missingCanaries({ ...absent, topicErrorCode: 5 }, [1, 2], 1000), undefined)
    assert.equal(missingCanaries(absent, [], 1000), undefined)
  })

  it('may have been made by another watch at the same time', () => {
    const answer = (errorCode: number) => ({
      topicErrors: [{ topic: canaryTopic, errorCode, errorMessage: 'why' }],
    })
    assert.equal(creationProblem(answer(0)), undefined)
    assert.equal(creationProblem(answer(36)), undefined)
    assert.equal(creationProblem(answer(37)), undefined)
    assert.match(creationProblem(answer(44)) ?? '', /44, why/)
  })
})

describe('a canary record', () => {
  it('is read as it was written', () => {
    const record = { watch: 'w-1', index: 7, wallMs: 1_700_000_000_000 }
    assert.deepEqual(decodeCanary(encodeCanary(record)), record)
  })

  it('is nothing else that stands there', () => {
    for (const value of [
      '',
      'x',
      'null',
      '[]',
      '{"watch":1,"index":0,"wallMs":1}',
      '{"watch":"a","index":0.5}',
    ])
      assert.equal(decodeCanary(Buffer.from(value)), undefined, value)
    assert.equal(decodeCanary(null), undefined)
  })
})
