import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { decide } from '../../../../src/control/failover/decide.ts'
import { type ClusterHistory, emptyHistory, observe } from '../../../../src/control/failover/history.ts'
import { defaultRules, type FailoverRules } from '../../../../src/control/failover/rules.ts'
import {
  type BrokerWeather,
  broker,
  fine,
  observeAll,
  type ProxyWeather,
  secondOf,
  situation,
  times,
  voice,
  type Weather,
} from './weather.ts'

/** The real rules with a short round, so that every path is walked often. */
const rules: FailoverRules = { ...defaultRules, roundSeconds: 3, failbackRounds: 4 }

const badBroker = fc.constantFrom<BrokerWeather>('refused', 'silent', 'slow')
const anyBroker = fc.constantFrom<BrokerWeather>('well', 'refused', 'silent', 'slow')
const badProxy = fc.constantFrom<ProxyWeather>('stuck', 'cut-off', 'some-fail')
const anyProxy = fc.constantFrom<ProxyWeather>('well', 'stuck', 'idle', 'cut-off', 'some-fail', 'stalled')

const weatherOf = (
  brokers: fc.Arbitrary<BrokerWeather>,
  proxies: fc.Arbitrary<ProxyWeather>,
  { reports = { min: 0, max: 4 }, watched = true } = {},
): fc.Arbitrary<Weather> =>
  fc
    .record({
      brokers: fc.array(brokers, { minLength: 1, maxLength: 4 }),
      proxies: fc.array(proxies, { minLength: reports.min, maxLength: reports.max }),
      unheard: fc.constantFrom(0, 0, 0, 1, 3),
      withoutLeader: fc.constantFrom(0, 0, 1, 3, 10),
      quorum: fc.constantFrom('answered', 'silent', 'not-asked'),
      hasWatch: fc.constantFrom(watched, watched, watched, false),
    })
    .map(({ brokers: kinds, proxies: voices, unheard, withoutLeader, quorum, hasWatch }) => ({
      reports: voices.map((kind, index) => voice(`proxy-${index}`, kind)),
      liveProxies: voices.length + unheard,
      ...(hasWatch
        ? {
            watch: {
              brokers: kinds.map((kind, index) => broker(index + 1, kind)),
              partitions: { known: 10, withoutLeader, underReplicated: 0, endMoved: 0, committedMoved: 0 },
              quorum,
            },
          }
        : {}),
    }))

/** Spells of the same weather, as outages come in spells. */
const spells = (weather: fc.Arbitrary<Weather>, spellSeconds = 12) =>
  fc
    .array(fc.tuple(weather, fc.integer({ min: 1, max: spellSeconds })), { minLength: 1, maxLength: 8 })
    .map((list) => list.flatMap(([one, seconds]) => times(seconds, one)))

const anything = weatherOf(anyBroker, anyProxy)
const dreadful = weatherOf(badBroker, badProxy, { reports: { min: 1, max: 4 } })
const mixed = fc.oneof(anything, dreadful, fc.constant(fine))
const moves = new Set(['fail-over', 'reverse'])

function actionsAtEverySecond(weathers: readonly Weather[], state = {}): readonly string[] {
  let history: ClusterHistory = emptyHistory
  let atMs = 0
  let wallMs = 0
  return weathers.map((weather) => {
    atMs += weather.tookMs ?? 1000
    wallMs += (weather.tookMs ?? 1000) + (weather.jumpMs ?? 0)
    history = observe(history, secondOf(weather, atMs, wallMs), rules)
    return decide([situation(history)], state, rules, atMs)[0]?.action ?? ''
  })
}

describe('decide, always', () => {
  it('the weathers of these properties do lead to moves', () => {
    const moved = fc.sample(spells(dreadful), 200).filter((weathers) => {
      return actionsAtEverySecond(weathers).some((action) => moves.has(action))
    })
    assert.ok(moved.length > 20, `only ${moved.length} of 200 outages moved a cluster`)
  })

  it('never moves a cluster twice within an hour, whatever the weather and the clocks do', () => {
    const jumpy = fc
      .record({
        weather: mixed,
        tookMs: fc.constantFrom(1000, 1000, 1000, 1000, 30_000, 600_000),
        jumpMs: fc.constantFrom(0, 0, 0, 0, 3_600_000, -3_600_000, 864_000_000),
        seconds: fc.integer({ min: 1, max: 12 }),
      })
      .map(({ weather, tookMs, jumpMs, seconds }) => [
        { ...weather, tookMs, jumpMs },
        ...times(seconds, weather),
      ])
    fc.assert(
      fc.property(fc.array(jumpy, { minLength: 1, maxLength: 30 }), (parts) => {
        let history: ClusterHistory = emptyHistory
        let atMs = 0
        let wallMs = 1_700_000_000_000
        let lastMoveAtMs: number | undefined
        for (const weather of parts.flat()) {
          atMs += weather.tookMs ?? 1000
          wallMs += (weather.tookMs ?? 1000) + (weather.jumpMs ?? 0)
          history = observe(history, secondOf(weather, atMs, wallMs), rules)
          const last = lastMoveAtMs === undefined ? {} : { lastMoveAtMs, lastAutomaticMoveAtMs: lastMoveAtMs }
          const [decision] = decide([situation(history, last)], {}, rules, atMs)
          if (!moves.has(decision?.action ?? '')) continue
          if (lastMoveAtMs !== undefined)
            assert.ok(atMs - lastMoveAtMs >= 3_600_000, `moved again after ${atMs - lastMoveAtMs} ms`)
          lastMoveAtMs = atMs
        }
      }),
      { numRuns: 300 },
    )
  })

  it('never moves on what the watch says alone', () => {
    const proxiesWell = weatherOf(anyBroker, fc.constantFrom('well', 'idle', 'stalled'))
    fc.assert(
      fc.property(spells(proxiesWell), (weathers) => {
        assert.ok(!actionsAtEverySecond(weathers).some((action) => moves.has(action)))
      }),
    )
  })

  it('never moves on what the proxies say alone', () => {
    const watchWell = fc.oneof(
      weatherOf(fc.constant('well'), anyProxy).map((weather): Weather => {
        const { watch, ...rest } = weather
        return fine.watch === undefined || watch === undefined ? rest : { ...rest, watch: fine.watch }
      }),
      anything.map(({ watch: _unseen, ...rest }): Weather => rest),
    )
    fc.assert(
      fc.property(spells(watchWell), (weathers) => {
        assert.ok(!actionsAtEverySecond(weathers).some((action) => moves.has(action)))
      }),
    )
  })

  it('a freeze wins over everything', () => {
    fc.assert(
      fc.property(spells(mixed), (weathers) => {
        for (const action of actionsAtEverySecond(weathers, { frozen: 'by hand' }))
          assert.ok(['none', 'suspect', 'hold'].includes(action), action)
      }),
    )
  })

  it('better evidence never causes a move', () => {
    const improved = spells(fc.oneof(dreadful, anything)).chain((weathers) =>
      fc.tuple(
        fc.constant(weathers),
        fc.array(
          fc.tuple(fc.nat(weathers.length - 1), fc.nat(3), fc.constantFrom('broker', 'proxy', 'rest')),
          {
            minLength: 1,
            maxLength: 20,
          },
        ),
      ),
    )
    fc.assert(
      fc.property(improved, ([weathers, changes]) => {
        const better = [...weathers]
        for (const [second, index, what] of changes) {
          const weather = better[second]
          if (weather !== undefined) better[second] = improve(weather, index, what)
        }
        const action = (list: readonly Weather[]) => {
          const { history, nowMs } = observeAll(list, rules)
          return decide([situation(history)], {}, rules, nowMs)[0]?.action ?? ''
        }
        if (moves.has(action(better))) assert.ok(moves.has(action(weathers)), 'the worse evidence did not')
      }),
      { numRuns: 1000 },
    )
  })

  it('jumping clocks and pauses move no cluster that is well', () => {
    const jumpy = fc
      .tuple(fc.constantFrom(1, 500, 1000, 1900, 30_000, 1e7), fc.constantFrom(0, 3_600_000, -864_000_000))
      .map(([tookMs, jumpMs]): Weather => ({ ...fine, tookMs, jumpMs }))
    fc.assert(
      fc.property(fc.array(jumpy, { maxLength: 60 }), (weathers) => {
        for (const action of actionsAtEverySecond(weathers)) assert.equal(action, 'none')
      }),
    )
  })

  it('what a stall leaves behind moves nothing: bad seconds only while we are blind', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(dreadful, fc.integer({ min: 3, max: 9 })), { maxLength: 12 }),
        (parts) => {
          const weathers = parts.flatMap(([weather, seconds]) => [
            ...times(seconds, fine),
            { ...weather, tookMs: 30_000 },
            ...times(2, weather),
            ...times(1, fine),
          ])
          for (const action of actionsAtEverySecond(weathers)) assert.ok(!moves.has(action))
        },
      ),
    )
  })

  it('brake: with three clusters or more, never when more than half look bad to either kind of evidence', () => {
    fc.assert(
      fc.property(fc.array(spells(dreadful, 6), { minLength: 3, maxLength: 6 }), (clusters) => {
        const length = Math.min(...clusters.map((weathers) => weathers.length))
        const observed = clusters.map((weathers) => observeAll(weathers.slice(0, length), rules))
        const nowMs = observed[0]?.nowMs ?? 0
        const situations = observed.map(({ history }, index) =>
          situation(history, { cluster: `fronting-${index}` }),
        )
        const actions = decide(situations, {}, rules, nowMs).map(({ action }) => action)
        const looksBad = actions.filter((action) => action !== 'none').length
        const moved = actions.filter((action) => moves.has(action)).length
        assert.ok(moved === 0 || looksBad * 2 <= actions.length, actions.join(', '))
      }),
    )
  })
})

/** The same second with one broker, one proxy, or the rest well. */
function improve(weather: Weather, index: number, what: string): Weather {
  if (what === 'proxy') {
    const reports = [...weather.reports]
    if (index < reports.length) reports[index] = voice(`proxy-${index}`, 'well')
    return { ...weather, reports }
  }
  const { watch } = weather
  if (watch === undefined) return weather
  if (what === 'broker') {
    const brokers = watch.brokers.map((old) => (old.id === index + 1 ? broker(old.id, 'well') : old))
    return { ...weather, watch: { ...watch, brokers } }
  }
  const partitions = { known: 10, withoutLeader: 0, underReplicated: 0, endMoved: 10, committedMoved: 10 }
  return { ...weather, watch: { ...watch, partitions, quorum: 'answered' } }
}
