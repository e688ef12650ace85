import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { pino } from 'pino'
import { LeaseKeeper } from '../../../src/control/leadership/lease-keeper.ts'
import { StoreError } from '../../../src/control/store/store-error.ts'
import { Problem } from '../../../src/core/problems.ts'

const lengthMs = 3000
const by = { actor: 'local' }

/** A store of which only the lease is needed, on a clock of its own. */
class FakeStore {
  nowMs = 0
  term = 0
  untilMs = 0
  away = false

  async acquireLease(): Promise<number | undefined> {
    this.#answer()
    if (this.untilMs > this.nowMs) return undefined
    this.untilMs = this.nowMs + lengthMs
    this.term += 1
    return this.term
  }

  async renewLease(term: number): Promise<boolean> {
    this.#answer()
    if (term !== this.term || this.untilMs <= this.nowMs) return false
    this.untilMs = this.nowMs + lengthMs
    return true
  }

  async releaseLease(term: number): Promise<void> {
    this.#answer()
    if (term === this.term) this.untilMs = 0
  }

  #answer(): void {
    if (this.away) throw new StoreError('store-unavailable', 'gone')
  }
}

function begin(store = new FakeStore()) {
  const changes: (number | undefined)[] = []
  const state = { following: true }
  const keeper = new LeaseKeeper({
    store,
    candidate: { holder: 'one', address: 'http://one' },
    lengthMs,
    clock: { monotonicMs: () => store.nowMs, wallMs: () => 0 },
    logger: pino({ level: 'silent' }),
    onRound: async () => {
      if (!state.following) throw new StoreError('store-unavailable', 'the snapshot did not come')
    },
    onChange: (term) => changes.push(term),
    leaderAddress: () => 'http://other',
  })
  return { store, keeper, changes, state }
}

function refusal(keeper: LeaseKeeper): Problem {
  try {
    keeper.authority(by)
  } catch (error) {
    assert.ok(error instanceof Problem)
    return error
  }
  throw new assert.AssertionError({ message: 'it may write' })
}

describe('the keeper of the lease', () => {
  it('leads alone after one look, and keeps the term as long as it renews', async () => {
    const { store, keeper, changes } = begin()
    assert.equal(keeper.settled, false)
    await keeper.look()
    assert.deepEqual([keeper.term, keeper.settled], [1, true])
    for (let round = 0; round < 10; round += 1) {
      store.nowMs += 1000
      await keeper.look()
    }
    assert.deepEqual([keeper.term, changes, keeper.authority(by)], [1, [1], { ...by, term: 1 }])
  })

  it('stands by while another leads, says who, and leads when the other is silent', async () => {
    const { store, keeper, changes } = begin()
    await begin(store).keeper.look()
    await keeper.look()
    const problem = refusal(keeper)
    assert.deepEqual([problem.problem, problem.extensions.leader], ['not-leading', 'http://other'])
    store.nowMs += lengthMs
    await keeper.look()
    assert.deepEqual([keeper.term, changes], [2, [2]])
  })

  it('stops believing that it leads when it was asleep past its lease, before it looks', async () => {
    const { store, keeper, changes } = begin()
    await keeper.look()
    store.nowMs += lengthMs
    assert.equal(keeper.term, undefined)
    assert.equal(refusal(keeper).problem, 'not-leading')
    await begin(store).keeper.look()
    await keeper.look()
    assert.deepEqual([keeper.term, changes], [undefined, [1, undefined]])
  })

  it('takes a new term when it was asleep and nobody else took the lease', async () => {
    const { store, keeper, changes } = begin()
    await keeper.look()
    store.nowMs += lengthMs
    await keeper.look()
    assert.deepEqual([keeper.term, changes], [2, [1, 2]])
  })

  it('goes on leading to the end of its lease while the store is away, then says that it is away', async () => {
    const { store, keeper, changes } = begin()
    await keeper.look()
    store.away = true
    store.nowMs += lengthMs - 1
    await keeper.look()
    assert.equal(keeper.term, 1)
    store.nowMs += 1
    await keeper.look()
    assert.deepEqual([keeper.term, changes], [undefined, [1, undefined]])
    assert.equal(refusal(keeper).problem, 'store-unavailable')
    store.away = false
    await keeper.look()
    assert.deepEqual([keeper.term, keeper.trouble, changes], [2, undefined, [1, undefined, 2]])
  })

  it('does not lead before it has read what the last leader wrote', async () => {
    const { store, keeper, changes, state } = begin()
    state.following = false
    await keeper.look()
    assert.deepEqual([keeper.term, changes], [undefined, []])
    state.following = true
    store.nowMs += 500
    await keeper.look()
    assert.deepEqual([keeper.term, changes], [1, [1]])
  })

  it('gives the lease back at the end', async () => {
    const { store, keeper } = begin()
    await keeper.look()
    await keeper.stop()
    assert.deepEqual([keeper.term, store.untilMs], [undefined, 0])
  })
})
