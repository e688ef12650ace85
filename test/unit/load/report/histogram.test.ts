import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { Histogram } from '../../../../load/report/histogram.ts'

const values = fc.array(
  fc.oneof(fc.nat({ max: 5000 }), fc.nat({ max: 2 ** 31 - 1 }), fc.constantFrom(0, 2047, 2048, 2 ** 31 - 1)),
  { minLength: 1, maxLength: 300 },
)

function of(numbers: readonly number[]): Histogram {
  const histogram = new Histogram()
  for (const number of numbers) histogram.add(number)
  return histogram
}

describe('the histogram', () => {
  test('gives each quantile, never below the exact one and within 1 part in 1,024 above', () => {
    fc.assert(
      fc.property(values, fc.double({ min: 0, max: 1, noNaN: true }), (numbers, q) => {
        const sorted = numbers.toSorted((a, b) => a - b)
        const exact = sorted[Math.max(1, Math.ceil(q * numbers.length)) - 1] ?? Number.NaN
        const said = of(numbers).quantile(q)
        assert.ok(said >= exact && said - exact <= exact / 1024, `${said} for ${exact}`)
      }),
    )
  })

  test('of two halves, merged, says the same as of the whole', () => {
    fc.assert(
      fc.property(values, values, (one, other) => {
        const merged = of(one)
        merged.merge(of(other))
        assert.deepEqual(merged.quantiles(), of([...one, ...other]).quantiles())
      }),
    )
  })

  test('knows its count, mean and largest value; of nothing there is none', () => {
    assert.deepEqual(of([1, 2, 9]).quantiles(), { count: 3, mean: 4, p50: 2, p99: 9, p999: 9, max: 9 })
    assert.deepEqual([of([]).quantiles().p99, of([]).quantiles().mean], [Number.NaN, Number.NaN])
    assert.equal(of([-3, 2 ** 40]).quantile(1), 2 ** 31 - 1)
  })
})
