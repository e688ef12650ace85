import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { fetchV13, Reader } from '@platformatic/kafka'
import fc from 'fast-check'
import { decodeFetchResponse, encodeFetchRequest } from '../../../src/kafka/fetch-protocol.ts'
import { WireError } from '../../../src/kafka/wire-reader.ts'

const topicId = '0b7c1f6e-1234-4000-8000-0000000000ff'

/** Written by hand after the message definition: one partition with everything in it. */
function answer(records: Buffer): Buffer {
  const head = Buffer.from(
    '00000000' + '0000' + '00000000' + '02' + topicId.replaceAll('-', '') + '02',
    'hex',
  )
  const numbers = Buffer.alloc(4 + 2 + 24)
  numbers.writeInt32BE(4, 0)
  numbers.writeInt16BE(0, 4)
  numbers.writeBigInt64BE(100n, 6)
  numbers.writeBigInt64BE(90n, 14)
  numbers.writeBigInt64BE(10n, 22)
  const aborted = Buffer.from('02' + '0000000000000007' + '0000000000000050' + '00', 'hex')
  const replica = Buffer.from('ffffffff', 'hex')
  const length = Buffer.from([records.length + 1])
  const diverging = Buffer.from('01' + '00' + '0d' + '00000003' + '0000000000000042' + '00', 'hex')
  return Buffer.concat([head, numbers, aborted, replica, length, records, diverging, Buffer.from([0, 0])])
}

describe('the fetch protocol', () => {
  it('writes what an independent writer writes', () => {
    const position = { partition: 3, currentLeaderEpoch: 9, lastFetchedEpoch: 8, maxBytes: 1 << 20 }
    const topics = [
      {
        topicId,
        partitions: [
          { ...position, fetchOffset: 2 ** 40 },
          { ...position, partition: 4, fetchOffset: 0 },
        ],
      },
      { topicId: topicId.replace('ff', '00'), partitions: [{ ...position, fetchOffset: 1 }] },
    ]
    const theirs = fetchV13.createRequest(
      500,
      1,
      1 << 24,
      1,
      0,
      -1,
      topics.map((topic) => ({
        topicId: topic.topicId,
        partitions: topic.partitions.map(({ maxBytes, fetchOffset, ...rest }) => ({
          ...rest,
          fetchOffset: BigInt(fetchOffset),
          partitionMaxBytes: maxBytes,
        })),
      })),
      [],
      '',
    )
    assert.deepEqual(encodeFetchRequest({ maxWaitMs: 500, maxBytes: 1 << 24, topics }), theirs.buffer)
  })

  it('reads every field, and the records as a slice', () => {
    const bytes = answer(Buffer.from('records'))
    const { code, partitions } = decodeFetchResponse(bytes)
    assert.equal(code, 0)
    const [first] = partitions
    assert.ok(first !== undefined)
    const { records, ...partition } = first
    assert.deepEqual(partition, {
      topicId,
      partition: 4,
      code: 0,
      highWatermark: 100,
      lastStableOffset: 90,
      logStartOffset: 10,
      aborted: [{ producerId: 7n, firstOffset: 80 }],
      diverging: { epoch: 3, endOffset: 66 },
    })
    assert.equal(String(records), 'records')
    assert.equal(records.buffer, bytes.buffer)
    const theirs = fetchV13.parseResponse(0, 1, 13, Reader.from(answer(Buffer.alloc(0))))
    assert.equal(theirs.responses[0]?.partitions[0]?.divergingEpoch?.endOffset, 66n)
  })

  it('refuses hostile bytes without anything worse', () => {
    const bytes = answer(Buffer.from('records'))
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.nat(255), fc.boolean(), (at, byte, cut) => {
        const hostile = Buffer.from(cut ? bytes.subarray(0, at) : bytes)
        if (!cut) hostile[at] = byte
        try {
          decodeFetchResponse(hostile)
        } catch (error) {
          assert.ok(error instanceof WireError || error instanceof RangeError, String(error))
        }
      }),
      { numRuns: 2000 },
    )
  })
})
