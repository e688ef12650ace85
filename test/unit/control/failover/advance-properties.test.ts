import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { newOperation, type Operation } from '../../../../src/control/failover/operation.ts'
import { type MovePlan, planFailback, planFailover } from '../../../../src/control/failover/plan.ts'
import { Driver, type Turn } from './driver.ts'
import { placedTopics } from './topics.ts'
import { World } from './world.ts'

const by = { term: 1, automatic: true, actor: 'decision', reason: 'dead', dryRun: false }
/** Three batches. */
const topicCount = 5
const names = {
  cluster: 'fronting-a',
  standby: 'standby-a',
  rates: new Map<string, number>(),
  topicsPerBatch: 2,
}

function failover(world: World, planned = false): MovePlan {
  return planFailover({
    ...names,
    topics: world.placed(),
    facts: { brokers: 1, partitions: 0 },
    planned,
  })
}

function start(plan: MovePlan, world: World, id = 'op-1'): Driver {
  return new Driver(newOperation(id, plan, by, 0), world)
}

/** A world whose topics are on the standby; the failed cluster lost two of its disks. */
function awayWorld(): World {
  const world = new World(placedTopics(topicCount))
  assert.equal(start(failover(world), world, 'op-0').finish().state, 'done')
  for (const name of [...world.home.keys()].slice(0, 2)) world.home.delete(name)
  world.hookKeys.clear()
  world.keys.clear()
  return world
}

const failback = (world: World) => planFailback({ ...names, topics: world.placed() })

const turnOf = (...ends: readonly Turn['end'][]): fc.Arbitrary<Turn> =>
  fc.record({ pick: fc.nat(9), end: fc.constantFrom(...ends) })
/** In any order, going well more often than not: late steps are reached too. */
const trouble = turnOf(
  'ok',
  'ok',
  'ok',
  'ok',
  'ok',
  'ok',
  'ok',
  'fails',
  'answer-lost',
  'crash-after',
  'crash-before',
  'deposed',
)
const schedule = fc.array(trouble, { maxLength: 90, size: 'max' })
const seeds = fc.integer({ min: 1, max: 2 ** 31 })
/** Without shrinking, which takes minutes here; the seed is printed. */
const quick = { numRuns: 60, endOnFailure: true }
const settled = new Set(['done', 'failed'])

function assertEnded(operation: Operation, state: Operation['state']): void {
  assert.equal(operation.state, state)
  for (const [name, step] of Object.entries(operation.steps))
    assert.ok(settled.has(step.state) || step.state === 'dropped', `${name} ${step.state}`)
}

/** A hook that was given up failed each time, and may never have got as far as to be called. */
function withoutGivenUp(world: World, { id, steps }: Operation) {
  const isKept = (key: string) => steps[key.slice(id.length + 1)]?.state !== 'failed'
  const { hooks, ...outcome } = world.outcome()
  return { ...outcome, hooks: hooks.filter(isKept), keys: [...world.keys].filter(isKept).sort() }
}

for (const [kind, makeWorld, makePlan] of [
  ['failover', () => new World(placedTopics(topicCount)), failover],
  ['failback', awayWorld, failback],
] as const) {
  describe(`a ${kind}`, () => {
    it('whatever fails, crashes or is deposed, it ends in the same state as when nothing does', () => {
      const undisturbed = makeWorld()
      start(makePlan(undisturbed), undisturbed).finish()
      fc.assert(
        fc.property(schedule, seeds, (turns, seed) => {
          const world = makeWorld()
          const driver = start(makePlan(world), world)
          for (const turn of turns) driver.turn(turn)
          const ended = driver.finish(seed)
          assertEnded(ended, 'done')
          assert.deepEqual(withoutGivenUp(world, ended), withoutGivenUp(undisturbed, ended))
          assert.equal(driver.rows.moves.length, kind === 'failover' ? 1 : 0)
        }),
        quick,
      )
    })

    it('goes on after a crash at each of its steps', () => {
      const counting = makeWorld()
      const whole = start(makePlan(counting), counting)
      let steps = 0
      for (; whole.stored.state === 'running'; steps += 1) whole.turn({ pick: 0, end: 'ok' })
      for (const end of ['crash-before', 'crash-after'] as const) {
        for (let at = 0; at < steps; at += 1) {
          const world = makeWorld()
          const driver = start(makePlan(world), world)
          for (let turn = 0; turn < at; turn += 1) driver.turn({ pick: 0, end: 'ok' })
          driver.turn({ pick: 0, end })
          assertEnded(driver.finish(), 'done')
          assert.deepEqual(world.outcome(), counting.outcome(), `crash at step ${at}`)
        }
      }
    })

    it('whichever step takes longest, nothing that it guards comes before it', () => {
      const whole = makeWorld()
      const steps = Object.keys(start(makePlan(whole), whole).finish().steps)
      for (const slow of steps) {
        const world = makeWorld()
        const driver = start(makePlan(world), world)
        while (driver.stored.state === 'running') {
          const pick = driver.pending.findIndex(({ step }) => step !== slow)
          driver.turn({ pick: Math.max(0, pick), end: 'ok' })
        }
        assert.deepEqual(world.outcome(), whole.outcome(), slow)
      }
    })

    it('taken back at any moment, it leaves every topic on one of both clusters, whole and writable', () => {
      fc.assert(
        fc.property(schedule, schedule, seeds, (turns, after, seed) => {
          const world = makeWorld()
          const before = JSON.stringify([...world.placements])
          const driver = start(makePlan(world), world)
          for (const turn of turns) driver.turn(turn)
          driver.turn({ pick: 0, end: 'undo' })
          for (const turn of after) driver.turn(turn)
          const ended = driver.finish(seed)
          assertEnded(ended, ended.goal === 'undo' ? 'undone' : 'done')
          if (ended.goal === 'undo') assert.deepEqual(JSON.parse(before), [...world.placements])
          for (const [topic, { cluster, holders }] of world.placements) {
            const there = cluster === 'fronting-a' ? world.home.get(topic) : world.standby.get(topic)
            assert.ok(there?.led && !there.sealed, `${topic} on ${cluster} cannot be written to`)
            assert.equal(world.standby.has(topic), holders.includes('standby-a'), `${topic} is an orphan`)
          }
        }),
        quick,
      )
    })
  })
}

describe('one after the other', () => {
  it('a failover, a failback and a second failover leave nothing behind, and share no key (F47)', () => {
    const world = new World(placedTopics(topicCount))
    start(failover(world), world, 'op-1').finish()
    const first = world.outcome()
    start(failback(world), world, 'op-2').finish()
    assert.equal(world.standby.size, 0)
    for (const { placement, provisioned } of world.placed()) {
      assert.deepEqual(placement.holders, ['fronting-a'])
      assert.equal(provisioned.length, 1)
    }
    const before = world.keys.size
    start(failover(world), world, 'op-3').finish()
    const { placements } = world.outcome() as { placements: unknown }
    assert.deepEqual(placements, (first as { placements: unknown }).placements)
    const ids = [...world.keys].slice(before).map((key) => key.split('/')[0])
    assert.deepEqual([...new Set(ids)], ['op-3'])
  })
})
