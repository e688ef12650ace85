import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { firstUseful } from '../../../src/placement/first-useful.ts'

/** Longer than any test: only the attempts themselves make the next one begin. */
const never = 60_000

describe('firstUseful', () => {
  it('begins the next attempt when the one before has failed, and no more after a success', async () => {
    const begun: string[] = []
    const attempt = (name: string, work: () => Promise<string>) => () => {
      begun.push(name)
      return work()
    }
    const fail = async () => {
      throw new Error('refused')
    }
    const won = await firstUseful(
      [attempt('a', fail), attempt('b', async () => 'b'), attempt('c', async () => 'c')],
      never,
    )
    assert.equal(won, 'b')
    assert.deepEqual(begun, ['a', 'b'])
  })

  it('does not wait for one that hangs, and aborts it when another has won', async () => {
    let isAborted = false
    const hanging = (over: AbortSignal) =>
      new Promise<string>((_resolve, reject) => {
        over.addEventListener('abort', () => {
          isAborted = true
          reject(new Error('aborted'))
        })
      })
    assert.equal(await firstUseful([hanging, async () => 'second'], 1), 'second')
    assert.equal(isAborted, true)
  })

  it('takes the answer of a slow one that was not given up', async () => {
    const slow = Promise.withResolvers<string>()
    const hanging = (over: AbortSignal) =>
      new Promise<string>((_resolve, reject) => {
        slow.resolve('slow')
        over.addEventListener('abort', () => reject(new Error('aborted')))
      })
    assert.equal(await firstUseful([() => slow.promise, hanging], 1), 'slow')
  })

  it('rejects with every cause when none succeeds', async () => {
    const refuse = (word: string) => async () => {
      throw new Error(word)
    }
    await assert.rejects(firstUseful([refuse('one'), refuse('two')], never), (error: AggregateError) => {
      assert.deepEqual(
        error.errors.map(({ message }) => message),
        ['one', 'two'],
      )
      return true
    })
  })
})
