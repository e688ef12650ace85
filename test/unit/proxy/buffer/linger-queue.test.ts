import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LingerQueue } from '../../../../src/proxy/buffer/linger-queue.ts'

test('when the first item has lingered all go together, and what comes later waits anew', (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const gone: string[] = []
  const queue = new LingerQueue<string>(5, (item) => {
    gone.push(item)
    if (item === 'a') queue.add('again')
  })
  queue.add('a')
  t.mock.timers.tick(3)
  queue.add('b')
  t.mock.timers.tick(1)
  assert.deepEqual(gone, [])
  t.mock.timers.tick(1)
  assert.deepEqual(gone, ['a', 'b'])
  t.mock.timers.tick(4)
  queue.add('c')
  assert.deepEqual(gone, ['a', 'b'])
  t.mock.timers.tick(1)
  assert.deepEqual(gone, ['a', 'b', 'again', 'c'])
  t.mock.timers.tick(100)
  queue.add('d')
  t.mock.timers.tick(5)
  assert.deepEqual(gone.slice(4), ['d'])
})
