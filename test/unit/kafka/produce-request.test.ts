import assert from 'node:assert/strict'
import { test } from 'node:test'
import { asksForMetadata, judgeProduceCode } from '../../../src/kafka/produce-errors.ts'
import { decodeProduceResponse, encodeProduceRequest } from '../../../src/kafka/produce-request.ts'
import { WireReader } from '../../../src/kafka/wire-reader.ts'

test('a request names each topic once, and passes long batches by reference', () => {
  const long = 's'.repeat(5000)
  const bytes = [Buffer.from('first'), Buffer.from(long), Buffer.from('third')] as const
  const parts = [
    { topic: 'a.one', partition: 3, bytes: bytes[0] },
    { topic: 'b.two', partition: 0, bytes: bytes[1] },
    { topic: 'a.one', partition: 1, bytes: bytes[2] },
  ]
  const buffers = encodeProduceRequest(parts, -1, 1500)
  assert.deepEqual([buffers.length, buffers[1] === bytes[1]], [3, true])
  const reader = new WireReader(Buffer.concat(buffers))
  assert.deepEqual([reader.compactNullableString(), reader.int16(), reader.int32()], [null, -1, 1500])
  const seen: [string, number, string][] = []
  const topics = reader.compactArrayLength()
  for (let t = 0; t < topics; t += 1) {
    const topic = reader.compactString()
    const partitions = reader.compactArrayLength()
    for (let p = 0; p < partitions; p += 1) {
      seen.push([topic, reader.int32(), String(reader.compactNullableBytes())])
      reader.taggedFields()
    }
    reader.taggedFields()
  }
  reader.taggedFields()
  assert.equal(reader.remaining, 0)
  assert.deepEqual(seen, [
    ['a.one', 3, 'first'],
    ['a.one', 1, 'third'],
    ['b.two', 0, long],
  ])
})

test('an answer that is cut off anywhere is an error, never a result', () => {
  const whole = Buffer.from([
    2, 2, 0x74, 2, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    1, 0, 0, 0,
  ])
  const [result] = decodeProduceResponse(whole)
  assert.deepEqual(result, { topic: 't', partition: 5, code: 0, baseOffset: 9n, detail: '' })
  for (let length = 0; length < whole.length - 1; length += 1) {
    assert.throws(() => decodeProduceResponse(whole.subarray(0, length)), `cut at ${length}`)
  }
})

test('each error code is judged as the rules say', () => {
  const table = [
    [0, 'acked', false],
    [6, 'retriable', true],
    [3, 'retriable', true],
    [19, 'retriable', false],
    [56, 'retriable', true],
    [7, 'ambiguous', false],
    [20, 'ambiguous', false],
    [10, 'fatal', false],
    [87, 'fatal', false],
    [29, 'fatal', false],
  ] as const
  for (const [code, verdict, metadata] of table) {
    assert.deepEqual([judgeProduceCode(code, 1), asksForMetadata(code)], [verdict, metadata], `code ${code}`)
  }
})

test('a leader that was deposed while it waited for its followers may have passed the record on', () => {
  assert.equal(judgeProduceCode(6, 1), 'retriable')
  assert.equal(judgeProduceCode(6, -1), 'ambiguous')
  assert.equal(judgeProduceCode(19, -1), 'retriable')
})
