import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { PartitionFlow } from '../../../router/consume/partition-flow.ts'
import type { Sink, SinkChunk, SinkResult } from '../../../router/sink/sink.ts'
import type { FetchedChunk } from '../../../src/kafka/fetch-subscription.ts'
import { makeBatch } from '../kafka/batch-samples.ts'

const topicId = 'id-of-now'

/** One record at each of `count` offsets. */
async function chunk(from: number, count: number): Promise<FetchedChunk> {
  const batch = await makeBatch({
    baseOffset: from,
    leaderEpoch: 1,
    records: Array.from({ length: count }, (_, offsetDelta) => ({
      key: undefined,
      value: Buffer.from('x'),
      headers: [],
      timestampMs: 1,
      offsetDelta,
    })),
  })
  const next = { offset: from + count, leaderEpoch: 1 }
  return { topicId, batches: [batch], fromOffset: from, next, aborted: [], bytes: 100 }
}

class Bed implements Sink {
  readonly written: number[] = []
  readonly flow: PartitionFlow
  admitted: Promise<void> | undefined
  consumedBytes = 0
  /** A write waits for it. */
  blocked: Promise<void> | undefined

  constructor() {
    this.flow = new PartitionFlow({
      partition: 0,
      start: { offset: 0, leaderEpoch: -1, topicId },
      startedMs: 0,
      sink: this,
      sourcePartitions: () => 1,
      admit: () => this.admitted,
      consumed: (bytes) => {
        this.consumedBytes += bytes
      },
      onResult: () => undefined,
      onProgress: () => undefined,
      onCrash: (error) => {
        throw error
      },
    })
  }

  async write({ fromOffset }: SinkChunk): Promise<SinkResult> {
    await this.blocked
    this.written.push(fromOffset)
    return { kind: 'taken', records: 1, bytes: 1 }
  }

  async flush(): Promise<undefined> {
    return undefined
  }

  async close(): Promise<void> {
    // Nothing is open.
  }
}

async function settled(): Promise<void> {
  for (let turns = 0; turns < 5; turns += 1) await turn()
}

describe('the flow of a partition', () => {
  it('delivers in order and knows how far it is', async () => {
    const bed = new Bed()
    for (const from of [0, 10, 20]) bed.flow.push(await chunk(from, 10))
    await settled()
    assert.deepEqual(bed.written, [0, 10, 20])
    assert.deepEqual(bed.flow.delivered, { offset: 30, leaderEpoch: 1, topicId })
    assert.equal(bed.consumedBytes, 300)
  })

  it('throws away what is queued when the log left it, and stands where reading begins again', async () => {
    const bed = new Bed()
    const { promise, resolve } = Promise.withResolvers<void>()
    bed.blocked = promise
    for (const from of [0, 10, 20]) bed.flow.push(await chunk(from, 10))
    await settled()
    bed.flow.rewind({ offset: 0, leaderEpoch: 1 })
    resolve()
    bed.flow.push(await chunk(0, 15))
    await settled()
    assert.deepEqual(bed.written, [0, 0], 'the write that was on its way, and the new one')
    assert.equal(bed.flow.delivered.offset, 15)
    assert.equal(bed.consumedBytes, 400)
  })

  it('delivers what is queued of a topic that is gone before it stands in the new one', async () => {
    const bed = new Bed()
    const { promise, resolve } = Promise.withResolvers<void>()
    bed.blocked = promise
    bed.flow.push(await chunk(0, 10))
    bed.flow.push(await chunk(10, 10))
    bed.flow.moveAfterQueue({ offset: 0, leaderEpoch: -1, topicId: 'another' })
    await settled()
    resolve()
    await settled()
    assert.deepEqual(bed.written, [0, 10])
    assert.deepEqual(bed.flow.delivered, { offset: 0, leaderEpoch: -1, topicId: 'another' })
    bed.flow.push({ ...(await chunk(0, 5)), topicId: 'another' })
    await settled()
    assert.deepEqual(bed.flow.delivered, { offset: 5, leaderEpoch: 1, topicId: 'another' })
  })

  it('goes on after a move that found nothing queued', async () => {
    const bed = new Bed()
    bed.flow.moveAfterQueue({ offset: 40, leaderEpoch: -1, topicId })
    await settled()
    bed.flow.push(await chunk(40, 2))
    await settled()
    assert.deepEqual(bed.written, [40])
  })

  it('delivers nothing before it is admitted, and can be stopped meanwhile', async () => {
    const bed = new Bed()
    const { promise, resolve } = Promise.withResolvers<void>()
    bed.admitted = promise
    bed.flow.push(await chunk(0, 10))
    await settled()
    assert.deepEqual(bed.written, [])
    resolve()
    await settled()
    assert.deepEqual(bed.written, [0])
    bed.admitted = new Promise(() => undefined)
    bed.flow.push(await chunk(10, 10))
    await bed.flow.stop()
    assert.deepEqual(bed.written, [0])
    assert.equal(bed.flow.delivered.offset, 10)
  })
})
