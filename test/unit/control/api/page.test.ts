import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { pageOf } from '../../../../src/control/api/page.ts'

const found = ['a', 'b', 'c'].map((id) => ({ id }))
const idOf = ({ id }: { readonly id: string }) => id

describe('pageOf', () => {
  it('says behind which the next page begins, when there is more', () => {
    assert.deepEqual(pageOf(found, 2, idOf), { items: [{ id: 'a' }, { id: 'b' }], next: 'b' })
    assert.deepEqual(pageOf(found, 1, idOf), { items: [{ id: 'a' }], next: 'a' })
  })

  it('says nothing of a next page on the last one, full or not', () => {
    assert.deepEqual(pageOf(found, 3, idOf), { items: found })
    assert.deepEqual(pageOf(found, 4, idOf), { items: found })
    assert.deepEqual(pageOf([], 1, idOf), { items: [] })
  })
})
