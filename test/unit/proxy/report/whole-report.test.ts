import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { AcknowledgedPlacement, ReportedCluster } from '../../../../src/core/proxy-report.ts'
import { joinWindows, sumClusters } from '../../../../src/proxy/report/sum.ts'
import { WholeReport } from '../../../../src/proxy/workers/whole-report.ts'

const leaseMs = 10_000

const at = (version: number, settledVersion = version): AcknowledgedPlacement => ({
  storeId: 'store',
  leaseTerm: 1,
  version,
  settledVersion,
})

function clusterOf(changes: Partial<ReportedCluster> = {}): ReportedCluster {
  return {
    cluster: 'fronting-a',
    acked: 0,
    failed: 0,
    dropped: 0,
    waiting: 0,
    oldestWaitMs: 0,
    brokers: [],
    ...changes,
  }
}

const broker = { id: 1, acked: 0, failed: 0, open: true, queuedBytes: 0 }

describe('the sum of what several processes report', () => {
  it('adds counts, keeps the oldest wait and the slowest quantile, and every cluster and broker', () => {
    const one = clusterOf({
      acked: 5,
      failed: 1,
      waiting: 2,
      oldestWaitMs: 30,
      p99Ms: 9,
      brokers: [{ ...broker, acked: 5, queuedBytes: 10, p99Ms: 9 }],
    })
    const other = clusterOf({
      acked: 7,
      dropped: 2,
      waiting: 1,
      oldestWaitMs: 80,
      brokers: [
        { ...broker, acked: 7, open: false, queuedBytes: 5 },
        { ...broker, id: 2 },
      ],
    })
    const standby = clusterOf({ cluster: 'standby-a' })
    assert.deepEqual(sumClusters([[one], [other, standby]]), [
      {
        cluster: 'fronting-a',
        acked: 12,
        failed: 1,
        dropped: 2,
        waiting: 3,
        oldestWaitMs: 80,
        p99Ms: 9,
        brokers: [
          { id: 1, acked: 12, failed: 0, open: false, queuedBytes: 15, p99Ms: 9 },
          { ...broker, id: 2 },
        ],
      },
      standby,
    ])
  })

  it('of two windows of one process, what stands at the end is the later one', () => {
    const stuck = clusterOf({
      failed: 3,
      waiting: 9,
      oldestWaitMs: 900,
      brokers: [{ ...broker, failed: 3, open: false, queuedBytes: 50 }],
    })
    const well = clusterOf({ acked: 4, waiting: 1, oldestWaitMs: 5, brokers: [{ ...broker, acked: 4 }] })
    assert.deepEqual(joinWindows([stuck], [well]), [
      { ...well, failed: 3, brokers: [{ ...broker, acked: 4, failed: 3 }] },
    ])
  })
})

describe('the report of a proxy with workers', () => {
  function twoWorkers() {
    const time = { nowMs: 0 }
    const whole = new WholeReport<{ name: string }>({ monotonicMs: () => time.nowMs, wallMs: () => 0 })
    const [first, second] = [{ name: '1' }, { name: '2' }]
    whole.begin(first, at(1))
    whole.begin(second, at(1))
    const say = (worker: object, placement: AcknowledgedPlacement | undefined, acked = 0, windowMs = 1000) =>
      whole.take(worker as typeof first, {
        windowMs,
        clusters: [clusterOf({ acked })],
        ...(placement === undefined ? {} : { placement }),
      })
    return { time, whole, first, second, say }
  }

  it('sums the windows once, and acknowledges what all do', () => {
    const { time, whole, first, second, say } = twoWorkers()
    say(first, at(6, 5), 10)
    say(second, at(5, 4), 20)
    time.nowMs = 1000
    const { windowMs, placement, clusters } = whole.window(leaseMs) ?? {}
    assert.deepEqual([windowMs, placement, clusters?.[0]?.acked], [1000, at(5, 4), 30])
    time.nowMs = 2000
    assert.deepEqual(whole.window(leaseMs)?.clusters, [])
  })

  it('a worker that has not spoken yet acknowledges what it was started with', () => {
    const { whole, first, say } = twoWorkers()
    say(first, at(6))
    assert.deepEqual(whole.window(leaseMs)?.placement, at(1))
    whole.begin({ name: '3' }, undefined)
    assert.equal(whole.window(leaseMs)?.placement, undefined)
  })

  it('a hung worker holds the acknowledgement, and after a lease the whole proxy is silent until it speaks', () => {
    const { time, whole, first, second, say } = twoWorkers()
    say(first, at(5))
    say(second, at(5))
    whole.window(leaseMs)
    time.nowMs = leaseMs
    say(first, at(6), 3)
    assert.deepEqual(whole.window(leaseMs)?.placement, at(5))
    time.nowMs = leaseMs + 1
    say(first, at(6), 3)
    assert.equal(whole.window(leaseMs), undefined)
    time.nowMs = leaseMs + 500
    say(second, at(6), 0, leaseMs + 500)
    const again = whole.window(leaseMs)
    assert.deepEqual(again?.placement, at(6))
    assert.equal(again?.windowMs, leaseMs + 500, 'what it did in a longer time is not a second')
  })

  it('a hung worker that is not behind does not silence the others', () => {
    const { time, whole, first, second, say } = twoWorkers()
    say(first, at(5))
    say(second, at(5))
    time.nowMs = 20 * leaseMs
    say(first, at(5), 3)
    assert.equal(whole.window(leaseMs)?.clusters[0]?.acked, 3)
  })

  it('a dead worker holds the acknowledgement for a lease, as a dead proxy would, and then no more', () => {
    const { time, whole, first, second, say } = twoWorkers()
    say(first, at(5))
    say(second, at(5))
    time.nowMs = 1000
    whole.end(second)
    say(first, at(6))
    assert.deepEqual(whole.window(leaseMs)?.placement, at(5))
    time.nowMs = 1000 + leaseMs
    say(first, at(6))
    assert.deepEqual(whole.window(leaseMs)?.placement, at(5))
    time.nowMs = 1001 + leaseMs
    say(first, at(6))
    assert.deepEqual(whole.window(leaseMs)?.placement, at(6))
  })

  it('a late window is added to the next one', () => {
    const { time, whole, first, second, say } = twoWorkers()
    say(first, at(1), 1)
    time.nowMs = 1000
    assert.equal(whole.window(leaseMs)?.clusters[0]?.acked, 1)
    say(second, at(1), 10, 1000)
    say(second, at(1), 20, 900)
    say(first, at(1), 1)
    time.nowMs = 2000
    const window = whole.window(leaseMs)
    assert.deepEqual([window?.windowMs, window?.clusters[0]?.acked], [1900, 31])
  })

  it('workers that follow different stores acknowledge nothing together', () => {
    const { whole, first, second, say } = twoWorkers()
    say(first, at(6))
    say(second, { ...at(6), storeId: 'another' })
    assert.equal(whole.window(leaseMs)?.placement, undefined)
  })
})
