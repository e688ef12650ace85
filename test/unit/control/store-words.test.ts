import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { inPostgres, migrations } from '../../../src/control/store/migrations.ts'
import { explainPostgres, shownUrl } from '../../../src/control/store/postgres-errors.ts'
import { nextTerm } from '../../../src/control/store/sql-lease.ts'
import { StoreError } from '../../../src/control/store/store-error.ts'

const url = 'postgres://app:secret@db.example:5432/control?sslmode=require'

function wordFor(error: unknown): string {
  const explained = explainPostgres(url, error)
  return explained instanceof StoreError ? explained.word : 'not ours'
}

describe('the words of the store', () => {
  it('gives terms that always grow, and after a restore grow beyond what was given meanwhile', () => {
    assert.equal(nextTerm(0, 1_800_000_000_999), 1_800_000_000)
    assert.equal(nextTerm(1_800_000_000, 1_800_000_000_999), 1_800_000_001)
    assert.equal(nextTerm(1_900_000_000, 1_800_000_000_000), 1_900_000_001, 'a clock that went back')
    const backup = 1_800_000_000
    const lastGiven = 1_800_000_500
    assert.ok(nextTerm(backup, 1_800_000_501_000) > lastGiven)
  })

  it('says every step of the schema in the words of PostgreSQL', () => {
    for (const step of migrations) {
      const said = inPostgres(step)
      assert.doesNotMatch(said, /STRICT|ROWID|\bINTEGER\b|TEXT(?! COLLATE "C")/)
      assert.equal(said.split(';').length, step.split(';').length)
    }
  })

  it('tells a server that is away from one that is broken, and both from faults of ours', () => {
    const coded = (code: string, message = 'm') => Object.assign(new Error(message), { code })
    for (const code of ['ECONNREFUSED', '57P01', '57P03', '08006', '53300', '25P03', '55P03', '25006'])
      assert.equal(wordFor(coded(code)), 'store-unavailable', code)
    assert.equal(wordFor(new Error('Query read timeout')), 'store-unavailable')
    assert.equal(wordFor(new Error('Connection terminated unexpectedly')), 'store-unavailable')
    assert.equal(
      wordFor(new AggregateError([coded('ECONNREFUSED'), coded('ECONNREFUSED')])),
      'store-unavailable',
    )
    assert.equal(wordFor(coded('42P01')), 'store-corrupt')
    assert.equal(wordFor(coded('28P01')), 'store-unreadable')
    assert.equal(wordFor(coded('53100')), 'store-full')
    assert.equal(wordFor(coded('23502')), 'not ours')
    assert.equal(wordFor(new TypeError('a bug')), 'not ours')
    const known = new StoreError('not-leading', 'x')
    assert.equal(explainPostgres(url, known), known)
  })

  it('shows an address without its password', () => {
    assert.equal(shownUrl(url), 'postgres://db.example:5432/control')
    assert.doesNotMatch(String(explainPostgres(url, new Error('connection timeout'))), /secret/)
  })
})
