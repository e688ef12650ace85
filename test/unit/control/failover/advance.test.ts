import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type Advanced, advance, dueEffects } from '../../../../src/control/failover/advance.ts'
import { undoProblem } from '../../../../src/control/failover/graph.ts'
import {
  newOperation,
  type Operation,
  type OperationEvent,
  type StepResult,
} from '../../../../src/control/failover/operation.ts'
import { planFailback, planFailover } from '../../../../src/control/failover/plan.ts'
import { Driver } from './driver.ts'
import { placedTopics } from './topics.ts'
import { World } from './world.ts'

const by = { term: 3, automatic: false, actor: 'ann', reason: 'drill', dryRun: false }
const none: StepResult = { kind: 'none' }

function failover(world: World, planned = false): Operation {
  const plan = planFailover({
    cluster: 'fronting-a',
    standby: 'standby-a',
    topics: world.placed(),
    rates: new Map(),
    facts: { brokers: 1, partitions: 0 },
    planned,
    topicsPerBatch: 2,
  })
  return newOperation('fo-1', plan, by, 0)
}

function failback(world: World): Operation {
  const plan = planFailback({
    cluster: 'fronting-a',
    standby: 'standby-a',
    topics: world.placed(),
    rates: new Map(),
    topicsPerBatch: 2,
  })
  return newOperation('fb-1', plan, by, 0)
}

const begin = (operation: Operation) => advance(operation, { kind: 'begin', term: 3, atMs: 1 })
const keysOf = ({ effects }: Pick<Advanced, 'effects'>) => effects.map(({ key }) => key)

/** Runs the effect of each named step in turn and answers it. */
function walk(world: World, from: Advanced, ...steps: readonly string[]): Advanced {
  let last = from
  for (const step of steps) {
    const effect = dueEffects(last.operation).find((due) => due.step === step)
    assert.ok(effect, `${step} is not due, but ${keysOf({ effects: dueEffects(last.operation) })}`)
    last = advance(last.operation, { kind: 'done', term: 3, atMs: 2, step, result: world.run(effect) })
  }
  return last
}

describe('advance, a failover', () => {
  it('begins with the hook, the canary and the busiest batch at once', () => {
    const begun = begin(failover(new World(placedTopics(4))))
    assert.deepEqual(keysOf(begun), ['fo-1/scale-up', 'fo-1/canary-before', 'fo-1/create/0'])
    assert.deepEqual(
      begun.transitions.map(({ step, from, to }) => `${step} ${from} ${to}`),
      ['scale-up waiting running', 'canary-before waiting running', 'create/0 waiting running'],
    )
  })

  it('publishes a batch as soon as it has leaders, while the next is made', () => {
    const world = new World(placedTopics(4))
    const led = walk(world, begin(failover(world)), 'canary-before', 'create/0', 'lead/0')
    assert.deepEqual(keysOf(led), ['fo-1/publish/0', 'fo-1/create/1'])
    const [publish] = led.effects
    assert.deepEqual(publish?.body.kind === 'publish' && publish.body.placements, [
      {
        topic: 'web.topic-0000',
        cluster: 'standby-a',
        holders: ['fronting-a', 'standby-a'],
        degraded: 'replicas 1',
        movedByHand: true,
      },
      {
        topic: 'web.topic-0001',
        cluster: 'standby-a',
        holders: ['fronting-a', 'standby-a'],
        degraded: 'replicas 1',
        movedByHand: true,
      },
    ])
    const published = walk(world, led, 'publish/0')
    assert.deepEqual(
      published.effects.map(({ body }) => body),
      [{ kind: 'await-acknowledged', version: 8, settled: false }],
    )
  })

  it('does not publish before the canary came through the standby', () => {
    const world = new World(placedTopics(2))
    const led = walk(world, begin(failover(world)), 'create/0', 'lead/0')
    assert.deepEqual(keysOf(led), [])
    assert.deepEqual(keysOf(walk(world, led, 'canary-before')), ['fo-1/publish/0'])
  })

  it('goes on without the hook when it keeps failing, and says so', () => {
    let last = begin(failover(new World(placedTopics(2))))
    const fail: OperationEvent = { kind: 'failed', term: 3, atMs: 2, step: 'scale-up', why: 'exit code 1' }
    for (let attempt = 0; attempt < 2; attempt += 1) {
      last = advance(last.operation, fail)
      assert.deepEqual(keysOf(last), ['fo-1/scale-up'])
    }
    last = advance(last.operation, fail)
    assert.deepEqual(keysOf(last), [])
    assert.equal(last.operation.steps['scale-up']?.state, 'failed')
    assert.equal(last.operation.steps['scale-up']?.why, 'exit code 1')
  })

  it('tries everything else for ever, under the same key, ever more slowly', () => {
    let last = begin(failover(new World(placedTopics(2))))
    const delays: number[] = []
    for (let attempt = 0; attempt < 9; attempt += 1) {
      last = advance(last.operation, { kind: 'failed', term: 3, atMs: 2, step: 'create/0', why: 'away' })
      assert.deepEqual(keysOf(last), ['fo-1/create/0'])
      delays.push(last.effects[0]?.delayMs ?? -1)
    }
    assert.deepEqual(delays, [200, 400, 800, 1600, 3200, 5000, 5000, 5000, 5000])
    assert.equal(last.operation.steps['create/0']?.attempts, 9)
  })

  it('planned: waits until what was sent under the old placement is answered, and readers drain first', () => {
    const world = new World(placedTopics(2))
    const led = walk(world, begin(failover(world, true)), 'canary-before', 'create/0', 'lead/0')
    const [publish] = led.effects
    assert.equal(publish?.body.kind === 'publish' && publish.body.drainFirst, true)
    const [wait] = walk(world, led, 'publish/0').effects
    assert.equal(wait?.body.kind === 'await-acknowledged' && wait.body.settled, true)
  })
})

describe('advance, always', () => {
  const begun = begin(failover(new World(placedTopics(2)))).operation
  const done = { kind: 'done', step: 'canary-before', result: none, atMs: 5 } as const

  it('takes no word of another term', () => {
    for (const term of [2, 4]) assert.equal(advance(begun, { ...done, term }).operation, begun)
  })

  it('takes an answer once', () => {
    const once = advance(begun, { ...done, term: 3 }).operation
    assert.equal(advance(once, { ...done, term: 3 }).operation, once)
  })

  it('takes no answer to what was not asked', () => {
    const early = advance(begun, { ...done, step: 'publish/0', term: 3 })
    assert.equal(early.operation, begun)
    assert.throws(() => advance(begun, { ...done, step: 'create/0', term: 3 }), TypeError)
  })

  it('taken over: the same effects again under the new term, and the old leader is not heard', () => {
    const taken = advance(begun, { kind: 'taken-over', term: 4, atMs: 9 })
    assert.deepEqual(
      taken.effects.map(({ key, term }) => `${key} ${term}`),
      ['fo-1/scale-up 4', 'fo-1/canary-before 4', 'fo-1/create/0 4'],
    )
    assert.equal(advance(taken.operation, { ...done, term: 3 }).operation, taken.operation)
    assert.equal(
      advance(taken.operation, { kind: 'taken-over', term: 3, atMs: 9 }).operation,
      taken.operation,
    )
  })
})

describe('advance, taking back', () => {
  const undo: OperationEvent = {
    kind: 'undo',
    undo: { reason: 'well again', automatic: true },
    term: 3,
    atMs: 7,
  }

  it('a failover that moved nothing: what was made is deleted by its id, the hook called back', () => {
    const world = new World(placedTopics(4))
    const created = walk(world, begin(failover(world)), 'scale-up', 'create/0')
    const undone = advance(created.operation, undo)
    assert.deepEqual(
      undone.transitions.map(({ step, to }) => `${step} ${to}`),
      ['canary-before dropped', 'lead/0 dropped', 'undo-create/0 running'],
    )
    assert.deepEqual(
      undone.effects.map(({ body }) => body),
      [
        {
          kind: 'delete-topics',
          cluster: 'standby-a',
          topics: [
            { topic: 'web.topic-0000', topicId: 'made-1' },
            { topic: 'web.topic-0001', topicId: 'made-2' },
          ],
        },
      ],
    )
    const { operation } = walk(world, undone, 'undo-create/0', 'undo-scale-up')
    assert.equal(operation.state, 'undone')
    assert.equal(operation.undo?.reason, 'well again')
  })

  it('a creation that runs is ended before it is undone', () => {
    const world = new World(placedTopics(2))
    const undone = advance(begin(failover(world)).operation, undo)
    assert.deepEqual(keysOf(undone), [])
    const { operation } = walk(world, undone, 'create/0', 'undo-create/0', 'scale-up', 'undo-scale-up')
    assert.equal(operation.state, 'undone')
    assert.equal(world.standby.size, 0)
  })

  it('a topic that was on the standby before stays there', () => {
    const world = new World(placedTopics(2))
    new Driver(failover(world), world).finish()
    const back = planFailback({
      cluster: 'fronting-a',
      standby: 'standby-a',
      topics: world.placed(),
      rates: new Map(),
    })
    const [first] = back.batches[0] ?? []
    assert.ok(first?.standbyTopicId)
    // As if that failback had been reversed half-way and its topics were still being drained.
    const plan = { ...failover(new World(placedTopics(2))).plan, batches: back.batches }
    const created = walk(world, begin(newOperation('fo-2', plan, by, 0)), 'create/0')
    const [deletion] = advance(created.operation, undo).effects
    assert.deepEqual(deletion?.body, { kind: 'delete-topics', cluster: 'standby-a', topics: [] })
  })

  it('not once a topic was moved: then it is a failback', () => {
    const world = new World(placedTopics(2))
    const moved = walk(world, begin(failover(world)), 'canary-before', 'create/0', 'lead/0')
    assert.match(undoProblem(moved.operation) ?? '', /fail back instead/)
    assert.equal(advance(moved.operation, undo).operation, moved.operation)
  })

  it('a failback: unsealed before it is placed there again', () => {
    const world = new World(placedTopics(2))
    new Driver(failover(world), world).finish()
    const sealed = walk(
      world,
      begin(failback(world)),
      'gate',
      'prepare/0',
      'home-offsets/0',
      'publish/0',
      'acknowledge',
      'seal/0',
    )
    const undone = advance(sealed.operation, undo)
    assert.deepEqual(keysOf(undone), ['fb-1/unseal/0'])
    const { operation } = walk(world, undone, 'unseal/0', 'republish/0', 'reacknowledge')
    assert.equal(operation.state, 'undone')
    assert.equal(world.placements.get('web.topic-0000')?.cluster, 'standby-a')
    assert.equal(world.placements.get('web.topic-0000')?.degraded, 'replicas 1')
  })

  it('a failback that has published nothing just ends', () => {
    const world = new World(placedTopics(2))
    new Driver(failover(world), world).finish()
    assert.equal(advance(begin(failback(world)).operation, undo).operation.state, 'undone')
  })
})
