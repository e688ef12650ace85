import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ProxyRegister } from '../../../../src/control/followers/proxy-register.ts'
import type { FollowerRecord, RecordChange } from '../../../../src/control/store/records.ts'
import type { AcknowledgedPlacement, ProxyReport } from '../../../../src/core/proxy-report.ts'

const leaseMs = 10_000
const startWallMs = Date.UTC(2026, 0, 1)

const at = (version: number, settledVersion = version): AcknowledgedPlacement => ({
  storeId: 'store',
  leaseTerm: 1,
  version,
  settledVersion,
})

function report(sequence: number, placement = at(4), instance = 'first'): ProxyReport {
  return { instance, sequence, windowMs: 1000, placement, clusters: [] }
}

/** A register that leads since 0; the wall clock goes with the monotonic one. */
function leading(followers: readonly FollowerRecord[] = []) {
  const time = { nowMs: 0 }
  const register = new ProxyRegister({ leaseMs, wallMs: () => startWallMs + time.nowMs })
  register.begin(followers, 0)
  return { register, time }
}

const followersOf = (changes: readonly RecordChange[]): readonly FollowerRecord[] =>
  changes.flatMap((change) => (change.action === 'follower' ? [change.follower] : []))

const awaited = { storeId: 'store', version: 4, settled: false }

describe('ProxyRegister', () => {
  it('knows who is live, since when, and what they acknowledged; a lease ends after its length', () => {
    const { register, time } = leading()
    register.take('b', report(1), 0)
    time.nowMs = 3000
    register.take('a', report(7, at(5, 4)), 3000)
    assert.deepEqual(register.list(4000), [
      {
        id: 'a',
        state: 'live',
        instance: 'first',
        since: '2026-01-01T00:00:03.000Z',
        reportAgeMs: 1000,
        placement: at(5, 4),
      },
      {
        id: 'b',
        state: 'live',
        instance: 'first',
        since: '2026-01-01T00:00:00.000Z',
        reportAgeMs: 4000,
        placement: at(4),
      },
    ])
    assert.deepEqual(register.states(10_000), { live: 2, unheard: 0, ended: 0 })
    assert.deepEqual(register.states(10_001), { live: 1, unheard: 0, ended: 1 })
  })

  it('takes no report twice, and a restart for what it is', () => {
    const { register, time } = leading()
    assert.equal(register.take('a', report(5), 0), 'taken')
    assert.equal(register.take('a', report(5), 10), 'repeated')
    assert.equal(register.take('a', report(4), 20), 'repeated')
    time.nowMs = 5000
    assert.equal(register.take('a', report(1, at(3), 'second'), 5000), 'taken')
    const [proxy] = register.list(5000)
    assert.equal(proxy?.instance, 'second')
    assert.equal(proxy?.since, '2026-01-01T00:00:05.000Z')
    assert.deepEqual(register.totals, { taken: 2, repeated: 2, refused: 0 })
  })

  it('never says that all have acknowledged before it has listened for a lease', () => {
    const { register } = leading()
    register.take('a', report(1), 0)
    assert.equal(register.acknowledgement(awaited, 10_000).complete, false)
    register.take('a', report(2), 9500)
    assert.equal(register.acknowledgement(awaited, 10_001).complete, true)
    register.stalled(11_000)
    assert.equal(register.acknowledgement(awaited, 12_000).complete, false, 'it was deaf for a while')
    register.end()
    assert.deepEqual(register.acknowledgement(awaited, 60_000), {
      complete: false,
      acknowledged: [],
      waitingFor: [],
      ended: [],
    })
  })

  it('waits for one that is behind until its lease ends, and names it then', () => {
    const { register } = leading()
    register.take('behind', report(1, at(3)), 5000)
    assert.deepEqual(register.acknowledgement(awaited, 12_000).waitingFor, ['behind'])
    const late = register.acknowledgement(awaited, 15_001)
    assert.deepEqual([late.complete, late.ended], [true, ['behind']])
  })

  it('writes a proxy when it is new, acknowledges something else, or half a lease has passed', () => {
    const { register } = leading()
    const write = (nowMs: number) => {
      const changes = register.due(nowMs)
      register.written(changes, nowMs)
      return followersOf(changes).map(({ id, acknowledgedVersion }) => [id, acknowledgedVersion])
    }
    register.take('a', report(1), 0)
    register.take('b', report(1), 0)
    assert.deepEqual(write(500), [
      ['a', 4],
      ['b', 4],
    ])
    register.take('a', report(2), 1000)
    assert.deepEqual(write(1500), [])
    register.take('a', report(3, at(5, 4)), 2000)
    assert.deepEqual(write(2500), [['a', 5]])
    register.take('a', report(4, at(5, 5)), 3000)
    assert.deepEqual(write(3500), [['a', 5]], 'what is settled changed')
    register.take('b', report(2), 5400)
    assert.deepEqual(write(5450), [])
    register.take('b', report(3), 5500)
    assert.deepEqual(write(5600), [['b', 4]])
  })

  it('what could not be written is due again', () => {
    const { register } = leading()
    register.take('a', report(1), 0)
    assert.equal(register.due(100).length, 1)
    assert.equal(register.due(1100).length, 1)
  })

  it('the next leader remembers what was written, and hears for itself', () => {
    const { register, time } = leading()
    register.take('a', report(1, at(5, 4)), 9000)
    register.take('b', report(1), 2000)
    time.nowMs = 10_000
    const records = followersOf(register.due(10_000))
    assert.equal(records[0]?.leaseUntilMs, startWallMs + 9000 + leaseMs)

    // It begins at the same moment; its monotonic clock is another.
    const next = new ProxyRegister({ leaseMs, wallMs: () => startWallMs + 10_000 })
    next.begin(records, 100_000)
    assert.deepEqual(
      next.list(100_000).map(({ id, state, placement }) => [id, state, placement?.settledVersion]),
      [
        ['a', 'unheard', 4],
        ['b', 'unheard', 4],
      ],
    )
    assert.deepEqual(next.of('fronting-a', 100_000), { reports: [], liveProxies: 0 })
    next.take('a', report(2, at(5)), 101_000)
    const { waitingFor, acknowledged } = next.acknowledgement({ ...awaited, version: 5 }, 105_000)
    assert.deepEqual([acknowledged, waitingFor], [['a'], ['b']])
    const after = next.acknowledgement({ ...awaited, version: 5 }, 110_001)
    assert.deepEqual([after.complete, after.ended], [true, ['b']])
  })

  it('does not let the store overrule a proxy that has reported meanwhile', () => {
    const { register } = leading()
    register.take('a', report(1, at(3)), 0)
    const [record] = followersOf(register.due(0))
    assert.ok(record)
    const { register: next, time } = leading()
    time.nowMs = 50
    next.take('a', report(9, at(7)), 50)
    next.remember([record], 100)
    const [proxy] = next.list(100)
    assert.equal(proxy?.placement?.version, 7)
    assert.equal(proxy?.since, '2026-01-01T00:00:00.000Z', 'but since when it lives is known from there')
  })

  it('has the record of a proxy that is long gone deleted', () => {
    const { register } = leading()
    register.take('a', report(1), 0)
    register.written(register.due(0), 0)
    const gone = register.due(61 * leaseMs)
    assert.deepEqual(gone, [{ action: 'forgetFollower', role: 'proxy', id: 'a' }])
    register.written(gone, 61 * leaseMs)
    assert.deepEqual(register.due(62 * leaseMs), [])
    assert.deepEqual(register.list(62 * leaseMs), [])
  })

  it('remembers 10,000 proxies and no more', () => {
    const { register } = leading()
    for (let index = 0; index < 10_000; index += 1) register.take(`p${index}`, report(1), 0)
    assert.equal(register.take('one more', report(1), 0), 'full')
    assert.equal(register.take('p7', report(2), 1000), 'taken')
    assert.deepEqual(register.totals, { taken: 10_001, repeated: 0, refused: 1 })
  })
})
