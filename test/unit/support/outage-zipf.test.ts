import assert from 'node:assert/strict'
import { test } from 'node:test'
import { zipfTurns } from '../../support/outage-zipf.ts'

test('turns: every topic has one, the busiest the most, and each tenth looks like the whole', () => {
  const turns = zipfTurns(50, 2000)
  const of = (index: number, part = turns) => part.filter((one) => one === index).length
  assert.equal(new Set(turns).size, 50)
  assert.ok(of(0) > of(9) && of(9) > of(49), `${of(0)} ${of(9)} ${of(49)}`)
  for (let tenth = 0; tenth < 10; tenth += 1) {
    const part = turns.slice((tenth * turns.length) / 10, ((tenth + 1) * turns.length) / 10)
    const share = (10 * of(0, part)) / of(0)
    assert.ok(share > 0.7 && share < 1.3, `${share}`)
  }
})
