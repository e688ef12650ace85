import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { ReportBook } from '../../../../src/control/failover/report-book.ts'
import { proxyReportSchema } from '../../../../src/control/failover/report-schema.ts'
import type { ProxyReport } from '../../../../src/core/proxy-report.ts'
import { voice } from './weather.ts'

const placement = { storeId: 'store', leaseTerm: 1, version: 4, settledVersion: 4 }

function report(sequence: number, more: Partial<ProxyReport> = {}): ProxyReport {
  const { window } = voice('a', 'well')
  return { instance: 'first', sequence, windowMs: 1000, placement, clusters: [window], ...more }
}

describe('ReportBook', () => {
  it('lets the last report of a proxy speak, a little longer than a second', () => {
    const book = new ReportBook(10_000)
    book.take('a', report(1), 1000)
    assert.equal(book.of('fronting-a', 2500).reports.length, 1)
    const late = book.of('fronting-a', 2501)
    assert.equal(late.reports.length, 0)
    assert.equal(late.liveProxies, 1, 'it is live, and was not heard')
    assert.equal(book.of('fronting-a', 11_001).liveProxies, 0)
  })

  it('takes no report twice or out of order, and one of a restarted proxy', () => {
    const book = new ReportBook(10_000)
    assert.equal(book.take('a', report(5), 1000), true)
    assert.equal(book.take('a', report(5), 1100), false)
    assert.equal(book.take('a', report(4), 1200), false)
    assert.equal(book.take('a', report(1, { instance: 'second' }), 1300), true)
  })

  it('a proxy that does not speak of a cluster is not one that was not heard', () => {
    const book = new ReportBook(10_000)
    book.take('a', report(1), 1000)
    assert.deepEqual(book.of('fronting-b', 1000), { reports: [], liveProxies: 0 })
  })

  it('gives leases, also of those that an earlier leader knew', () => {
    const book = new ReportBook(10_000)
    book.take('a', report(1), 1000)
    book.remember({ proxy: 'a', reportedAtMs: 0 })
    book.remember({ proxy: 'b', reportedAtMs: 500 })
    assert.deepEqual(book.leases(2000), [
      { proxy: 'a', reportedAtMs: 1000, placement },
      { proxy: 'b', reportedAtMs: 500 },
    ])
    assert.equal(book.of('fronting-a', 2000).liveProxies, 1)
    assert.equal(book.leases(600_600).length, 1, 'long gone')
  })

  it('the schema takes what the type says, and refuses rubbish', () => {
    const valid = new Ajv2020({ strict: false }).compile(proxyReportSchema)
    assert.equal(valid(report(1)), true, JSON.stringify(valid.errors))
    assert.equal(valid({ ...report(1), placement: undefined }), true)
    for (const rubbish of [{}, { ...report(1), sequence: -1 }, { ...report(1), clusters: [{}] }, null])
      assert.equal(valid(rubbish), false)
  })
})
