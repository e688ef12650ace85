import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { newOperation, type Operation } from '../../../../src/control/failover/operation.ts'
import { phaseOf, startProblem } from '../../../../src/control/failover/phase.ts'
import { planFailback, planFailover } from '../../../../src/control/failover/plan.ts'
import { Driver } from './driver.ts'
import { placedTopics } from './topics.ts'
import { World } from './world.ts'

const by = { term: 3, automatic: true, actor: 'decision', reason: 'dead', dryRun: false }
const names = { cluster: 'fronting-a', standby: 'standby-a', rates: new Map<string, number>() }
const facts = { brokers: 1, partitions: 0 }

function failover(world: World, more: Partial<Operation> = {}): Operation {
  const plan = planFailover({ ...names, topics: world.placed(), facts, planned: false })
  return { ...newOperation('fo-1', plan, by, 0), ...more }
}

describe('what an operation leaves in the store', () => {
  it('is read back as it was, at every step', () => {
    const world = new World(placedTopics(2))
    const driver = new Driver(failover(world), world)
    for (let turns = 0; driver.stored.state === 'running'; turns += 1) {
      assert.deepEqual(driver.rows.read(), driver.stored)
      driver.turn({ pick: turns, end: turns % 3 === 0 ? 'fails' : 'ok' })
    }
    assert.deepEqual(driver.rows.read(), driver.stored)
    assert.equal(driver.rows.read().state, 'done')
  })

  it('the move is there before the first publish is run, and once', () => {
    const world = new World(placedTopics(2))
    const driver = new Driver(failover(world), world)
    while (driver.rows.moves.length === 0) driver.turn({ pick: 0, end: 'ok' })
    assert.equal(world.version, 7, 'nothing is published yet')
    driver.finish()
    assert.deepEqual(driver.rows.moves, [
      {
        cluster: 'fronting-a',
        operation: 'fo-1',
        automatic: true,
        atMs: driver.stored.steps['publish/0']?.startedAtMs,
      },
    ])
  })

  it('a failback that is taken back by decision is an automatic move, whoever began it', () => {
    const world = new World(placedTopics(2))
    new Driver(failover(world), world).finish()
    const plan = planFailback({ ...names, topics: world.placed() })
    const back = new Driver(newOperation('fb-1', plan, { ...by, automatic: false }, 0), world)
    while (!('seal/0' in back.stored.steps)) back.turn({ pick: 0, end: 'ok' })
    assert.deepEqual(back.rows.moves, [])
    back.turn({ pick: 0, end: 'undo' })
    assert.equal(back.finish().state, 'undone')
    const [move] = back.rows.moves as { automatic: boolean }[]
    assert.equal(move?.automatic, true)
    assert.equal(back.rows.moves.length, 1)
  })

  it('a drill is no move', () => {
    const world = new World(placedTopics(2))
    const driver = new Driver(failover(world, { dryRun: true }), world)
    driver.finish()
    assert.deepEqual(driver.rows.moves, [])
  })

  it('each change of a step and of the operation is an event', () => {
    const world = new World(placedTopics(1))
    const driver = new Driver(failover(world), world)
    driver.turn({ pick: 0, end: 'fails' })
    driver.finish()
    const { events } = driver.rows
    assert.deepEqual(
      events.filter(({ kind }) => kind === 'failover.state').map(({ data }) => data.state),
      ['running', 'done'],
    )
    const steps = events.filter(({ kind }) => kind === 'failover.step').map(({ data }) => data)
    assert.deepEqual(
      steps.filter(({ step }) => step === 'scale-up').map(({ from, to, why }) => [from, to, why]),
      [
        ['waiting', 'running', undefined],
        ['running', 'running', 'it was refused'],
        ['running', 'done', undefined],
      ],
    )
  })
})

describe('phaseOf and startProblem', () => {
  const world = new World(placedTopics(2))
  const driver = new Driver(failover(world), world)
  const begun = driver.stored

  it('home, moving, away, returning', () => {
    assert.deepEqual(phaseOf(undefined, false), { name: 'home' })
    assert.deepEqual(phaseOf(begun, false), { name: 'moving', automatic: true, published: false })
    while (!('publish/0' in driver.stored.steps)) driver.turn({ pick: 0, end: 'ok' })
    assert.deepEqual(phaseOf(driver.stored, true), { name: 'moving', automatic: true, published: true })
    driver.finish()
    assert.deepEqual(phaseOf(undefined, true), { name: 'away' })
    const plan = planFailback({ ...names, topics: world.placed() })
    const back = new Driver(newOperation('fb-1', plan, by, 0), world)
    assert.deepEqual(phaseOf(back.stored, true), { name: 'returning', reversible: true })
    while (!('release/0' in back.stored.steps)) back.turn({ pick: 0, end: 'ok' })
    assert.deepEqual(phaseOf(back.stored, true), { name: 'returning', reversible: false })
  })

  it('one operation a cluster; a drill disturbs nobody (F13)', () => {
    const again = failover(new World(placedTopics(2)))
    assert.equal(
      startProblem(again, [begun]),
      'failover fo-1 of fronting-a is under way, which can be taken back',
    )
    assert.equal(startProblem({ ...again, dryRun: true }, [begun]), undefined)
    assert.equal(startProblem(again, [{ ...begun, dryRun: true }]), undefined)
    assert.equal(startProblem(again, [{ ...begun, state: 'done' }]), undefined)
    const elsewhere = { ...begun, plan: { ...begun.plan, cluster: 'fronting-b' } }
    assert.equal(startProblem(again, [elsewhere]), undefined)
    assert.equal(startProblem(failover(new World([])), []), 'no topic is on fronting-a')
  })
})
