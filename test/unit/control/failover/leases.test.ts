import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { acknowledgement, type ProxyLease } from '../../../../src/control/failover/leases.ts'

const at = { nowMs: 100_000, leaseMs: 10_000, hearingSinceMs: 0 }
const wanted = { storeId: 'store', version: 8, settled: false }

function lease(proxy: string, version: number, agoMs = 500, settledVersion = version): ProxyLease {
  const placement = { storeId: 'store', leaseTerm: 1, version, settledVersion }
  return { proxy, reportedAtMs: at.nowMs - agoMs, placement }
}

describe('acknowledgement', () => {
  it('is complete when every live proxy works by the version or a later one', () => {
    const all = [lease('a', 8), lease('b', 9), lease('c', 7)]
    assert.deepEqual(acknowledgement(all, wanted, at), {
      complete: false,
      acknowledged: ['a', 'b'],
      waitingFor: ['c'],
      ended: [],
    })
    assert.equal(acknowledgement(all.slice(0, 2), wanted, at).complete, true)
  })

  it('does not wait for a proxy whose lease has ended, and names it', () => {
    const { complete, ended } = acknowledgement([lease('a', 8), lease('b', 7, 10_001)], wanted, at)
    assert.equal(complete, true)
    assert.deepEqual(ended, ['b'])
    assert.equal(acknowledgement([lease('b', 7, 10_000)], wanted, at).complete, false)
  })

  it('settled: waits for what was sent under an earlier placement', () => {
    const all = [lease('a', 8, 500, 7)]
    assert.equal(acknowledgement(all, wanted, at).complete, true)
    assert.equal(acknowledgement(all, { ...wanted, settled: true }, at).complete, false)
  })

  it('does not count a version of another store, nor a proxy without a placement', () => {
    const { placement, ...without } = lease('a', 8)
    assert.ok(placement !== undefined)
    const other = { ...without, proxy: 'b', placement: { ...placement, storeId: 'other' } }
    assert.deepEqual(acknowledgement([without, other], wanted, at).waitingFor, ['a', 'b'])
  })

  it('after our own start or stall, waits a whole lease for proxies that it has not heard of yet', () => {
    const since = (agoMs: number) => ({ ...at, hearingSinceMs: at.nowMs - agoMs })
    assert.equal(acknowledgement([], wanted, since(10_000)).complete, false)
    assert.equal(acknowledgement([], wanted, since(10_001)).complete, true)
    // It reported before we stalled; that we did not listen does not end its lease.
    assert.deepEqual(acknowledgement([lease('a', 7, 30_000)], wanted, since(2000)).waitingFor, ['a'])
  })
})
