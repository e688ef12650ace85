import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { didYouMean, unknownWord } from '../../../src/core/did-you-mean.ts'
import { comparePlacements, placementETag } from '../../../src/core/placement.ts'
import { formatBytes, formatDurationMs, parseBytes, parseDurationMs } from '../../../src/core/units.ts'
import { UuidV7 } from '../../../src/core/uuid-v7.ts'

test('durations and sizes are read with their units', () => {
  const durations = [
    ['8h', 28_800_000],
    ['1.5s', 1500],
    ['250ms', 250],
    ['90', 90],
    ['7 d', 604_800_000],
    ['1y', undefined],
    ['-1s', undefined],
    ['', undefined],
  ] as const
  for (const [text, ms] of durations) assert.equal(parseDurationMs(text), ms, text)
  const sizes = [
    ['1MiB', 1_048_576],
    ['100MB', 100_000_000],
    ['16mib', 16_777_216],
    ['12', 12],
    ['1e9', undefined],
    ['5 apples', undefined],
  ] as const
  for (const [text, bytes] of sizes) assert.equal(parseBytes(text), bytes, text)
})

test('what is written as a quantity reads back as the same', () => {
  fc.assert(
    fc.property(fc.nat({ max: 2 ** 31 - 1 }), (value) => {
      assert.equal(parseBytes(formatBytes(value)), value)
      assert.equal(parseDurationMs(formatDurationMs(value)), value)
    }),
  )
})

test('a mistyped word finds its neighbour, a strange one none', () => {
  const known = ['retention', 'partitions', 'delivery']
  assert.equal(didYouMean('retension', known), 'retention')
  assert.equal(didYouMean('Partition', known), 'partitions')
  assert.equal(didYouMean('colour', known), undefined)
  assert.equal(unknownWord('key', 'retension', known), 'unknown key "retension": did you mean "retention"?')
})

test('placements are ordered by (leaseTerm, version) within one store', () => {
  const at = (storeId: string, leaseTerm: number, version: number) => ({ storeId, leaseTerm, version })
  const table = [
    [at('s', 1, 5), at('s', 1, 6), 'newer'],
    [at('s', 1, 5), at('s', 1, 5), 'same'],
    [at('s', 1, 5), at('s', 1, 4), 'older'],
    [at('s', 1, 5), at('s', 2, 1), 'newer'],
    [at('s', 2, 1), at('s', 1, 9), 'older'],
    [at('s', 1, 5), at('other', 9, 9), 'unknown-store'],
  ] as const
  for (const [current, next, order] of table) assert.equal(comparePlacements(current, next), order)
  assert.equal(placementETag(at('s', 1, 5)), '"s.1.5"')
})

test('UUIDv7 are distinct, well-formed, and sort by their time', () => {
  const ids = new UuidV7()
  const made = Array.from({ length: 3000 }, (_, index) =>
    ids.next(1_700_000_000_000 + Math.floor(index / 10)),
  )
  assert.equal(new Set(made).size, made.length)
  for (const id of made)
    assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
  assert.ok((made[0] ?? '') < (made.at(-1) ?? ''))
})
