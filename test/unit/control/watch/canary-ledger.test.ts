import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { CanaryLedger } from '../../../../src/control/watch/canary-ledger.ts'

const readBackMs = 2000

describe('the fate of canary records', () => {
  it('is ok when it is acknowledged and read back in time, with both latencies', () => {
    const ledger = new CanaryLedger(readBackMs)
    const index = ledger.sent(100)
    ledger.acknowledged(index, 104)
    ledger.read(index, 0, 107)
    assert.deepEqual(ledger.take(), { ok: 1, failed: 0, lost: 0, duplicated: 0, produceMs: 4, consumeMs: 3 })
    assert.deepEqual(ledger.take(), { ok: 0, failed: 0, lost: 0, duplicated: 0 })
  })

  it('gives the slowest of several', () => {
    const ledger = new CanaryLedger(readBackMs)
    for (const [sent, acked, read] of [
      [0, 30, 31],
      [1000, 1005, 1025],
    ] as const) {
      const index = ledger.sent(sent)
      ledger.acknowledged(index, acked)
      ledger.read(index, index, read)
    }
    const { produceMs, consumeMs } = ledger.take()
    assert.deepEqual({ produceMs, consumeMs }, { produceMs: 30, consumeMs: 20 })
  })

  it('is failed once when it is not acknowledged, and turning up later changes nothing', () => {
    const ledger = new CanaryLedger(readBackMs)
    const index = ledger.sent(0)
    ledger.failed(index)
    assert.equal(ledger.take().failed, 1)
    ledger.acknowledged(index, 1500)
    ledger.read(index, 0, 1600)
    ledger.settle(9000)
    assert.deepEqual(ledger.take(), { ok: 0, failed: 0, lost: 0, duplicated: 0 })
  })

  it('is failed once, and not lost, when it is read too late', () => {
    const ledger = new CanaryLedger(readBackMs)
    const index = ledger.sent(0)
    ledger.acknowledged(index, 5)
    ledger.settle(2005)
    assert.equal(ledger.take().failed, 0, 'exactly at the limit is in time')
    ledger.settle(2006)
    assert.equal(ledger.take().failed, 1)
    assert.ok(ledger.awaitsReading)
    ledger.read(index, 0, 2100)
    assert.ok(!ledger.awaitsReading)
    const { ok, failed, lost } = ledger.take()
    assert.deepEqual({ ok, failed, lost }, { ok: 0, failed: 0, lost: 0 })
  })

  it('is failed when nobody asked until it was too late', () => {
    const ledger = new CanaryLedger(readBackMs)
    const index = ledger.sent(0)
    ledger.acknowledged(index, 5)
    ledger.read(index, 0, 2006)
    assert.deepEqual(ledger.take(), {
      ok: 0,
      failed: 1,
      lost: 0,
      duplicated: 0,
      produceMs: 5,
      consumeMs: 2001,
    })
  })

  it('is lost and failed when a later one is read without it', () => {
    const ledger = new CanaryLedger(readBackMs)
    const first = ledger.sent(0)
    ledger.acknowledged(first, 5)
    const second = ledger.sent(1000)
    ledger.acknowledged(second, 1005)
    ledger.read(second, 0, 1010)
    const { ok, failed, lost } = ledger.take()
    assert.deepEqual({ ok, failed, lost }, { ok: 1, failed: 1, lost: 1 })
    assert.ok(!ledger.awaitsReading)
  })

  it('counts failed only once for a record that was late first and turned out to be lost', () => {
    const ledger = new CanaryLedger(readBackMs)
    const first = ledger.sent(0)
    ledger.acknowledged(first, 5)
    ledger.settle(3000)
    assert.equal(ledger.take().failed, 1)
    const second = ledger.sent(4000)
    ledger.acknowledged(second, 4005)
    ledger.read(second, 0, 4010)
    const { ok, failed, lost } = ledger.take()
    assert.deepEqual({ ok, failed, lost }, { ok: 1, failed: 0, lost: 1 })
  })

  it('is not lost when it was never acknowledged', () => {
    const ledger = new CanaryLedger(readBackMs)
    ledger.failed(ledger.sent(0))
    const second = ledger.sent(1000)
    ledger.acknowledged(second, 1005)
    ledger.read(second, 0, 1010)
    assert.equal(ledger.take().lost, 0)
  })

  it('is duplicated when its index stands at two places, and not when one place is read again', () => {
    const ledger = new CanaryLedger(readBackMs)
    const index = ledger.sent(0)
    ledger.acknowledged(index, 5)
    ledger.read(index, 7, 10)
    ledger.read(index, 7, 20)
    assert.equal(ledger.take().duplicated, 0)
    ledger.read(index, 8, 30)
    const { ok, duplicated } = ledger.take()
    assert.deepEqual({ ok, duplicated }, { ok: 0, duplicated: 1 })
  })

  it('remembers a bounded number of records', () => {
    const ledger = new CanaryLedger(readBackMs)
    for (let second = 0; second < 5000; second += 1) ledger.acknowledged(ledger.sent(second), second)
    ledger.read(4999, 0, 5000)
    assert.ok(ledger.take().lost <= 600)
  })
})
