import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { decide } from '../../../../src/control/failover/decide.ts'
import { defaultRules } from '../../../../src/control/failover/rules.ts'
import { type ClusterSituation, restoreMoment } from '../../../../src/control/failover/situation.ts'
import { evidenceRows } from './decide-evidence-rows.ts'
import { guardRows } from './decide-guard-rows.ts'
import { allKilled, before, fine, observeAll, situation, times, type Weather } from './weather.ts'

describe('decide, one cluster', () => {
  for (const row of [...evidenceRows, ...guardRows]) {
    it(row.name, () => {
      const { history, nowMs } = observeAll(row.weather)
      const { standby, ...rest } = situation(history, row.situation?.(nowMs))
      const seen = { ...rest, ...(row.withoutStandby || standby === undefined ? {} : { standby }) }
      const [decision] = decide([seen], row.state ?? {}, defaultRules, nowMs)
      assert.equal(decision?.action, row.action, JSON.stringify(decision))
      if (row.why !== undefined) assert.match(decision?.why ?? '', row.why)
    })
  }
})

describe('decide, several clusters', () => {
  const decideAll = (weathers: readonly Weather[], more: readonly Partial<ClusterSituation>[] = []) => {
    const observed = weathers.map((weather) => observeAll([...before, ...times(3, weather)]))
    const nowMs = observed[0]?.nowMs ?? 0
    const seen = observed.map(({ history }, index) =>
      situation(history, { cluster: `fronting-${index}`, ...more[index] }),
    )
    return decide(seen, {}, defaultRules, nowMs).map(({ action }) => action)
  }
  const unreachable: Weather = { ...fine, watch: allKilled.watch as never }

  it('brake: more than half look bad, so the fault is ours', () => {
    assert.deepEqual(decideAll([allKilled, allKilled, fine]), ['hold', 'hold', 'none'])
  })
  it('brake: half do not, so both move', () => {
    assert.deepEqual(decideAll([allKilled, allKilled, fine, fine]), [
      'fail-over',
      'fail-over',
      'none',
      'none',
    ])
  })
  it('brake: clusters that only we cannot reach count too', () => {
    assert.deepEqual(decideAll([allKilled, unreachable, fine]), ['hold', 'suspect', 'none'])
  })
  it('brake: needs three watched clusters', () => {
    assert.deepEqual(decideAll([allKilled, allKilled]), ['fail-over', 'fail-over'])
  })
  it('brake: a cluster that was moved long ago is not counted, one that was just moved is', () => {
    const away = { phase: { name: 'away' }, lastMoveAtMs: 0 } as const
    assert.deepEqual(decideAll([allKilled, allKilled, fine], [away]), ['none', 'fail-over', 'none'])
    const justMoved = { phase: { name: 'away' }, lastMoveAtMs: 1_020_000 } as const
    assert.deepEqual(decideAll([allKilled, allKilled, fine], [justMoved]), ['none', 'hold', 'none'])
  })
})

describe('restoreMoment', () => {
  it('keeps the distance, and takes what seems to lie in the future for now', () => {
    const now = { wallMs: 10_000, monotonicMs: 500 }
    assert.equal(restoreMoment(4000, now), -5500)
    assert.equal(restoreMoment(99_000, now), 500)
  })
})
