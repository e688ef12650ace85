import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { DrainGate, type HolderPartition } from '../../../router/consume/drain-gate.ts'

const times = { lookMs: 250, idleLookMs: 1000, stillMs: 10_000, awayLimitMs: 30_000 }

/** A gate before one cluster, whose logs end where the test says, on a clock that the test moves. */
class Bed {
  readonly ends = new Map<number, number>()
  readonly delivered = new Map<number, number>()
  readonly told: string[] = []
  awayMs = 0
  looks = 0
  readonly gate: DrainGate
  readonly #t: TestContext
  #nowMs = 0

  constructor(t: TestContext) {
    this.#t = t
    t.mock.timers.enable({ apis: ['setTimeout'] })
    this.gate = new DrainGate({
      clock: { monotonicMs: () => this.#nowMs, wallMs: () => this.#nowMs },
      times,
      inform: (_detail, message) => void this.told.push(message),
      holders: [
        {
          clusterId: 'old',
          awayMs: () => this.awayMs,
          look: async (partitions) => this.#look(partitions),
        },
      ],
    })
  }

  #look(partitions: readonly number[]): ReadonlyMap<number, HolderPartition> {
    this.looks += 1
    const looked = new Map<number, HolderPartition>()
    if (this.awayMs > 0) return looked
    for (const partition of partitions) {
      const end = this.ends.get(partition) ?? 0
      looked.set(partition, { end, drained: (this.delivered.get(partition) ?? 0) >= end })
    }
    return looked
  }

  async pass(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed += 50) {
      this.#nowMs += 50
      this.#t.mock.timers.tick(50)
      // What a look sets off is a handful of promises.
      for (let turn = 0; turn < 10; turn += 1) await Promise.resolve()
    }
  }

  /** Whether what is read now may be delivered by then. */
  admitted(partition: number): { readonly yes: boolean } {
    const state = { yes: false }
    const wait = this.gate.admit(partition)
    if (wait === undefined) state.yes = true
    else void wait.then(() => void Object.assign(state, { yes: true }))
    return state
  }
}

describe('the gate of a planned move', () => {
  it('holds a partition back until everything of the old cluster is delivered, each for itself', async (t) => {
    const bed = new Bed(t)
    bed.ends.set(0, 10)
    const [full, empty] = [bed.admitted(0), bed.admitted(1)]
    await bed.pass(300)
    assert.deepEqual([full.yes, empty.yes, bed.gate.holdsBack], [false, true, true])
    bed.delivered.set(0, 9)
    await bed.pass(300)
    assert.equal(full.yes, false)
    bed.delivered.set(0, 10)
    await bed.pass(300)
    assert.deepEqual([full.yes, bed.gate.holdsBack], [true, false])
  })

  it('looks again for what was read after a look had begun', async (t) => {
    const bed = new Bed(t)
    const first = bed.admitted(0)
    t.mock.timers.tick(0)
    // The look is on its way, and found the log empty; then a proxy writes to the old cluster, and after that to the new one.
    bed.ends.set(0, 1)
    const second = bed.admitted(0)
    await bed.pass(400)
    assert.deepEqual([first.yes, second.yes], [true, false])
    bed.delivered.set(0, 1)
    await bed.pass(300)
    assert.equal(second.yes, true)
  })

  it('opens for good when the old log was empty and stood still for a lease', async (t) => {
    const bed = new Bed(t)
    bed.admitted(0)
    await bed.pass(5000)
    bed.ends.set(0, 3)
    bed.delivered.set(0, 3)
    await bed.pass(10_000)
    assert.notEqual(bed.gate.admit(0), undefined, 'it grew in between')
    await bed.pass(2000)
    assert.equal(bed.gate.admit(0), undefined)
    const { looks } = bed
    await bed.pass(5000)
    assert.equal(bed.looks, looks, 'nothing is looked at any more')
  })

  it('waits for a cluster that is away, up to a limit, and says when it gives up', async (t) => {
    const bed = new Bed(t)
    bed.ends.set(0, 3)
    bed.awayMs = 29_000
    const waiting = bed.admitted(0)
    await bed.pass(1000)
    assert.deepEqual([waiting.yes, bed.told.length], [false, 0])
    bed.awayMs = 31_000
    await bed.pass(1000)
    assert.deepEqual([waiting.yes, bed.told.length], [true, 1])
    bed.awayMs = 0
    const later = bed.admitted(0)
    await bed.pass(1000)
    assert.equal(later.yes, false, 'it is back, with something in it')
  })

  it('lets everything through when the placement asks for no order any more', async (t) => {
    const bed = new Bed(t)
    bed.ends.set(0, 3)
    const waiting = bed.admitted(0)
    await bed.pass(300)
    bed.gate.open()
    await bed.pass(50)
    assert.equal(waiting.yes, true)
    assert.equal(bed.gate.admit(7), undefined)
  })
})
