import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  unsignedVarintSize,
  varintSize,
  writeUnsignedVarint,
  writeVarint,
} from '../../../src/kafka/varint.ts'
import { WireError, WireReader } from '../../../src/kafka/wire-reader.ts'

const edges = [0, 1, 0x7f, 0x80, 0x3fff, 0x4000, 0x1f_ffff, 0x20_0000, 0xfff_ffff, 0x1000_0000, 0x7fff_ffff]
const anyValue = fc.oneof(fc.constantFrom(...edges), fc.nat({ max: 0x7fff_ffff }))

test('an unsigned varint takes as many bytes as announced, and reads back', () => {
  fc.assert(
    fc.property(anyValue, (value) => {
      const buffer = Buffer.alloc(8)
      assert.equal(writeUnsignedVarint(buffer, 1, value), 1 + unsignedVarintSize(value))
      assert.equal(new WireReader(buffer, 1).unsignedVarint(), value)
    }),
  )
})

test('a signed varint is the zigzag of the same', () => {
  fc.assert(
    fc.property(anyValue, (value) => {
      const buffer = Buffer.alloc(8)
      assert.equal(writeVarint(buffer, 0, value), varintSize(value))
      assert.equal(new WireReader(buffer).unsignedVarint(), value * 2)
    }),
  )
})

test('hostile lengths end in an error, not in an allocation', () => {
  const huge = Buffer.from([0xff, 0xff, 0xff, 0xff, 0x07])
  assert.throws(() => new WireReader(huge).compactString(), WireError)
  assert.throws(() => new WireReader(huge).compactArrayLength(), WireError)
  assert.throws(
    () => new WireReader(Buffer.from([0xff, 0xff, 0xff, 0xff, 0xff, 0x01])).unsignedVarint(),
    WireError,
  )
  assert.throws(() => new WireReader(Buffer.from([1, 2])).int32(), RangeError)
})
