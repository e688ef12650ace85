import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ClusterReach } from '../../../src/kafka/cluster-reach.ts'

function reached() {
  const told: string[] = []
  let nowMs = 0
  let looks = 0
  const reach = new ClusterReach({
    clusterId: 'a',
    clock: { monotonicMs: () => nowMs, wallMs: () => nowMs },
    meaning: 'all wait',
    look: () => {
      looks += 1
    },
    warn: (_detail, message) => void told.push(message),
  })
  const pass = (ms: number) => {
    nowMs += ms
  }
  return { reach, told, looks: () => looks, pass }
}

describe('whether a cluster can be reached', () => {
  it('is told once an outage, and once when it is over', () => {
    const { reach, told, pass } = reached()
    assert.equal(reach.away, false)
    reach.answered()
    for (let probe = 0; probe < 3; probe += 1) reach.silent(new Error('refused'))
    pass(7000)
    assert.deepEqual([reach.away, reach.awayMs], [true, 7000])
    reach.answered()
    reach.answered()
    assert.deepEqual([reach.away, reach.awayMs], [false, 0])
    assert.deepEqual(told, ['no broker of the cluster answers: all wait', 'the cluster answers again'])
  })

  it('is looked for at once when somebody misses an answer, but not while it is known to be away', () => {
    const { reach, looks } = reached()
    reach.suspect()
    assert.equal(looks(), 1)
    reach.silent(new Error('refused'))
    reach.suspect()
    assert.equal(looks(), 1)
  })

  it('lets wait until it is back, or until nobody wants to any more', async () => {
    const { reach } = reached()
    const stopping = new AbortController()
    await reach.untilBack(stopping.signal)
    reach.silent(new Error('refused'))
    const back: string[] = []
    const waits = [
      reach.untilBack(new AbortController().signal).then(() => back.push('waits on')),
      reach.untilBack(stopping.signal).then(() => back.push('was stopped')),
    ]
    stopping.abort()
    await waits[1]
    assert.deepEqual(back, ['was stopped'])
    reach.answered()
    await waits[0]
    assert.deepEqual(back, ['was stopped', 'waits on'])
  })
})
