import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { diffSpecs } from '../../../src/control/apply/diff.ts'

describe('diffSpecs', () => {
  const cases: readonly (readonly [string, object | undefined, object, readonly object[]])[] = [
    ['nothing', { a: 1, b: ['x'] }, { b: ['x'], a: 1 }, []],
    ['a value', { a: 1 }, { a: 2 }, [{ path: 'a', from: 1, to: 2 }]],
    ['a nested value', { s: { t: 1, u: 2 } }, { s: { t: 1, u: 3 } }, [{ path: 's.u', from: 2, to: 3 }]],
    ['a list, as a whole', { l: [1, 2] }, { l: [2, 1] }, [{ path: 'l', from: [1, 2], to: [2, 1] }]],
    ['a key that comes', {}, { a: null }, [{ path: 'a', to: null }]],
    ['a key that goes', { a: 1 }, {}, [{ path: 'a', from: 1 }]],
    [
      'everything that is new',
      undefined,
      { b: 1, a: { c: 2 } },
      [
        { path: 'a.c', to: 2 },
        { path: 'b', to: 1 },
      ],
    ],
  ]
  for (const [what, before, after, changes] of cases) {
    it(`finds ${what}`, () => assert.deepEqual(diffSpecs(before, after), changes))
  }
})
