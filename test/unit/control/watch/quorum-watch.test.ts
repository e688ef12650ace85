import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { QuorumWatch } from '../../../../src/control/watch/quorum-watch.ts'

function quorumOf(answers: readonly ('answers' | 'fails')[]) {
  const asked: string[] = []
  const troubles: unknown[] = []
  const watch = new QuorumWatch({
    ask: async (address) => {
      asked.push(address)
      if (answers[asked.length - 1] === 'fails') throw new Error('no leader')
    },
    onTrouble: (error) => troubles.push(error),
  })
  return { watch, asked, troubles }
}

describe('the watch of the controller quorum', () => {
  it('asks every 5 s while there is an answer', async () => {
    const { watch, asked } = quorumOf(['answers', 'answers'])
    const said: string[] = []
    for (let second = 0; second < 8; second += 1) {
      await watch.tick(['a:1', 'b:1'], second * 1000)
      said.push(watch.take())
    }
    assert.deepEqual(
      said.join(' '),
      'answered' + ' not-asked'.repeat(4) + ' answered' + ' not-asked'.repeat(2),
    )
    assert.equal(asked.length, 2)
    assert.ok(watch.hasQuorum)
  })

  it('asks another broker in the next second while there is none', async () => {
    const { watch, asked, troubles } = quorumOf(['fails', 'answers'])
    await watch.tick(['a:1', 'b:1'], 0)
    assert.equal(watch.take(), 'silent')
    assert.ok(!watch.hasQuorum)
    await watch.tick(['a:1', 'b:1'], 1000)
    assert.equal(watch.take(), 'answered')
    assert.deepEqual(asked, ['a:1', 'b:1'])
    assert.equal(troubles.length, 1)
  })

  it('takes the word of metadata that change for an answer, as long as a broker may ask a hung controller', async () => {
    const { watch } = quorumOf(Array.from({ length: 60 }, () => 'fails' as const))
    await watch.tick(['a:1'], 0)
    assert.equal(watch.take(), 'silent')
    watch.acted(500)
    assert.equal(watch.take(), 'answered')
    await watch.tick(['a:1'], 6000)
    assert.equal(watch.take(), 'not-asked')
    await watch.tick(['a:1'], 40_400)
    assert.equal(watch.take(), 'not-asked')
    await watch.tick(['a:1'], 46_000)
    assert.equal(watch.take(), 'silent')
  })

  it('is silent when no broker answers, whatever was done before', async () => {
    const { watch } = quorumOf([])
    watch.acted(0)
    watch.take()
    await watch.tick([], 5000)
    assert.equal(watch.take(), 'silent')
  })

  it('is silent without asking when no broker answers', async () => {
    const { watch, asked } = quorumOf([])
    await watch.tick([], 0)
    assert.equal(watch.take(), 'silent')
    assert.deepEqual(asked, [])
  })
})
