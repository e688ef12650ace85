import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { CompressionError, codecId, codecName, compress, decompress } from '../../../src/kafka/compression.ts'

const codecs = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const

describe('compression', () => {
  it('has the numbers of the record batch format', () => {
    assert.deepEqual(codecs.map(codecId), [0, 1, 2, 3, 4])
    assert.deepEqual([0, 1, 2, 3, 4].map(codecName), codecs)
    assert.throws(() => codecName(5), CompressionError)
  })

  for (const codec of codecs) {
    it(`${codec} gives back what was put in`, async () => {
      await fc.assert(
        fc.asyncProperty(fc.uint8Array({ maxLength: 4000 }), fc.nat(60), async (bytes, repeats) => {
          const payload = Buffer.concat(Array.from({ length: repeats + 1 }, () => Buffer.from(bytes)))
          const packed = await compress(codec, payload)
          assert.deepEqual(await decompress(codec, packed, payload.length), payload)
        }),
        { numRuns: 40 },
      )
    })
  }

  for (const codec of ['gzip', 'snappy', 'lz4', 'zstd'] as const) {
    it(`${codec} refuses a bomb`, async () => {
      const packed = await compress(codec, Buffer.alloc(30_000_000))
      await assert.rejects(decompress(codec, packed, 1_000_000), CompressionError)
    })

    it(`${codec} refuses hostile bytes, and nothing else happens`, async () => {
      const packed = await compress(codec, Buffer.from('some bytes that repeat, some bytes that repeat'))
      await fc.assert(
        fc.asyncProperty(fc.nat(packed.length - 1), fc.nat(255), fc.boolean(), async (at, byte, cut) => {
          const hostile = Buffer.from(cut ? packed.subarray(0, at) : packed)
          if (!cut) hostile[at] = byte
          await decompress(codec, hostile, 1000).then(
            (bytes) => assert.ok(bytes.length <= 1000),
            (error: unknown) => assert.ok(error instanceof CompressionError, String(error)),
          )
        }),
        { numRuns: 200 },
      )
    })
  }

  it('reads raw snappy, as librdkafka writes it', async () => {
    const raw = Buffer.from([5, 4 << 2, ...Buffer.from('hello')])
    assert.equal(String(await decompress('snappy', raw, 100)), 'hello')
  })

  it('reads an lz4 frame whose blocks refer to the ones before', async () => {
    // Two linked blocks: literals "abcdefgh", then a match of 8 at distance 8 and the literals "12345".
    const first = Buffer.from([0x80, ...Buffer.from('abcdefgh')])
    const second = Buffer.from([0x04, 8, 0, 0x50, ...Buffer.from('12345')])
    const blocks = [first, second].flatMap((block) => {
      const length = Buffer.alloc(4)
      length.writeUInt32LE(block.length)
      return [length, block]
    })
    const frame = Buffer.concat([Buffer.from('04224d18404000', 'hex'), ...blocks, Buffer.alloc(4)])
    assert.equal(String(await decompress('lz4', frame, 100)), 'abcdefghabcdefgh12345')
  })
})
