import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { seededRandom } from '../../../../load/generator/random.ts'
import { arrivalPatterns, arrivals, type ScheduleOptions } from '../../../../load/generator/schedule.ts'
import { zipf } from '../../../../load/generator/zipf.ts'

function take(count: number, options: ScheduleOptions): number[] {
  const schedule = arrivals(options)
  return Array.from({ length: count }, () => schedule.next().value)
}

const rates = fc.double({ min: 1, max: 20_000, noNaN: true })
const seeds = fc.nat()

describe('the schedule of arrivals', () => {
  test('never goes back and does not depend on when it is asked', () => {
    fc.assert(
      fc.property(fc.constantFrom(...arrivalPatterns), rates, seeds, (pattern, requestsPerSecond, seed) => {
        const again = () => take(500, { pattern, requestsPerSecond, random: seededRandom(seed) })
        const times = again()
        assert.deepEqual(times, again())
        for (const [index, time] of times.entries()) assert.ok(time >= (times[index - 1] ?? 0))
      }),
    )
  })

  test('uniform: as many in any stretch as its length asks for, give or take one', () => {
    fc.assert(
      fc.property(rates, fc.nat({ max: 300 }), fc.nat({ max: 300 }), (requestsPerSecond, from, length) => {
        const random = seededRandom(1)
        const times = take(from + length + 1, { pattern: 'uniform', requestsPerSecond, random })
        const lastedMs = (times[from + length] ?? Number.NaN) - (times[from] ?? Number.NaN)
        assert.ok(Math.abs(lastedMs - (length * 1000) / requestsPerSecond) < 1e-6)
      }),
    )
  })

  test('poisson: the mean gap is that of the rate and its deviation equals it', () => {
    fc.assert(
      fc.property(rates, seeds, (requestsPerSecond, seed) => {
        const count = 4000
        const random = seededRandom(seed)
        const times = take(count, { pattern: 'poisson', requestsPerSecond, random })
        const gaps = times.map((time, index) => ((time - (times[index - 1] ?? 0)) * requestsPerSecond) / 1000)
        const mean = gaps.reduce((sum, gap) => sum + gap, 0) / count
        const deviation = Math.sqrt(gaps.reduce((sum, gap) => sum + (gap - mean) ** 2, 0) / count)
        // Six standard errors.
        assert.ok(Math.abs(mean - 1) < 6 / Math.sqrt(count), `mean ${mean}`)
        assert.ok(Math.abs(deviation - 1) < 0.2, `deviation ${deviation}`)
      }),
      { numRuns: 50 },
    )
  })

  test('bursty: every cycle has the rate of uniform arrivals, all within its first part', () => {
    fc.assert(
      fc.property(
        rates,
        fc.integer({ min: 10, max: 1000 }),
        fc.double({ min: 0.01, max: 1, noNaN: true }),
        (requestsPerSecond, periodMs, burstShare) => {
          const options = { requestsPerSecond, periodMs, burstShare, random: seededRandom(1) }
          const even = take(400, { ...options, pattern: 'uniform' })
          const bursts = take(400, { ...options, pattern: 'bursty' })
          for (const [index, time] of bursts.entries()) {
            const cycle = Math.floor((even[index] ?? 0) / periodMs)
            const withinMs = time - cycle * periodMs
            assert.ok(withinMs >= -1e-6 && withinMs <= periodMs * burstShare + 1e-6, `${time} in ${cycle}`)
          }
        },
      ),
    )
  })

  test('a rate of nothing is refused', () => {
    assert.throws(
      () => arrivals({ pattern: 'uniform', requestsPerSecond: 0, random: Math.random }),
      RangeError,
    )
  })
})

describe('the long tail', () => {
  test('draws every rank as often as its weight says', () => {
    const weights = Array.from({ length: 50 }, (_, rank) => 1 / (rank + 1))
    const sum = weights.reduce((total, weight) => total + weight, 0)
    const draw = zipf(50)
    const drawn = new Array<number>(50).fill(0)
    const steps = 100_000
    for (let step = 0; step < steps; step += 1) {
      const rank = draw((step + 0.5) / steps)
      drawn[rank] = (drawn[rank] ?? 0) + 1
    }
    for (const [rank, weight] of weights.entries()) {
      assert.ok(Math.abs((drawn[rank] ?? 0) - (weight / sum) * steps) <= 1.5, `rank ${rank}`)
    }
  })

  test('stays within its ranks', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 2000 }),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        (count, uniform) => {
          const rank = zipf(count)(uniform)
          assert.ok(Number.isInteger(rank) && rank >= 0 && rank < count)
        },
      ),
    )
    assert.equal(zipf(4, 0)(0.99), 3)
  })
})
