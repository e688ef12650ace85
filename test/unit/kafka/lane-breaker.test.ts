import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { type BreakerState, LaneBreaker } from '../../../src/kafka/lane-breaker.ts'

type Settle = (error: Error | undefined) => void

const unanswered = new Error('no answer')

/** A breaker on a clock that the test moves, with requests that the test answers. */
function bed(context: TestContext) {
  context.mock.timers.enable({ apis: ['setTimeout', 'setInterval', 'Date'] })
  const changes: BreakerState[] = []
  const breaker: LaneBreaker = new LaneBreaker({
    leaveOutMs: 3000,
    onChange: () => changes.push(breaker.state),
  })
  context.after(() => breaker.shutdown())
  return {
    breaker,
    changes,
    /** Fires one request and gives back what settles it; its effects are there after the promise. */
    fire(): (error?: Error) => Promise<void> {
      const settles: Settle[] = []
      breaker.fire((settle) => settles.push(settle))
      return async (error) => {
        settles[0]?.(error)
        await turns()
      }
    },
    tick: (ms: number) => context.mock.timers.tick(ms),
  }
}

/** opossum notes an answer some microtasks after it came. */
const turns = () => new Promise<void>((resolve) => setImmediate(resolve))

test('answers keep it closed, however many requests are under way', async (context) => {
  const { breaker, fire, changes } = bed(context)
  const answers = [fire(), fire(), fire()]
  assert.ok(breaker.admits)
  for (const answer of answers) await answer()
  assert.deepEqual([breaker.state, breaker.opened, changes], ['closed', 0, []])
})

test('one unanswered request leaves the lane out for the full time, then one request tries, and its answer closes', async (context) => {
  const { breaker, fire, changes, tick } = bed(context)
  const answers = [fire(), fire()]
  await answers[0]?.(unanswered)
  assert.deepEqual([breaker.state, breaker.admits], ['open', false])
  // The others on that connection went down with it.
  await answers[1]?.(unanswered)
  tick(2999)
  assert.equal(breaker.state, 'open')
  tick(1)
  assert.deepEqual([breaker.state, breaker.admits], ['half-open', true])
  const trial = fire()
  assert.equal(breaker.admits, false, 'one trial at a time')
  await trial()
  assert.deepEqual([breaker.state, breaker.admits, breaker.opened], ['closed', true, 1])
  assert.deepEqual(changes, ['open', 'half-open', 'closed'])
})

test('a trial without an answer opens it again', async (context) => {
  const { breaker, fire, tick } = bed(context)
  await fire()(unanswered)
  tick(3000)
  await fire()(unanswered)
  assert.deepEqual([breaker.state, breaker.opened], ['open', 2])
  tick(2999)
  assert.equal(breaker.state, 'open')
  tick(1)
  assert.equal(breaker.state, 'half-open')
})

test('a request that takes longer than the window of the statistics opens it all the same', async (context) => {
  const { breaker, fire, tick } = bed(context)
  const late = fire()
  tick(10_000)
  await late(unanswered)
  assert.equal(breaker.state, 'open')
})

test('lost connections leave it out for 100 ms, 200 ms and so on up to the full time', async (context) => {
  const { breaker, fire, tick } = bed(context)
  for (const outMs of [100, 200, 400, 800, 1600, 3000, 3000]) {
    breaker.onDisconnected()
    assert.equal(breaker.state, 'open')
    tick(outMs - 1)
    assert.equal(breaker.state, 'open', `still out after ${outMs - 1} ms`)
    tick(1)
    assert.equal(breaker.state, 'half-open', `tried again after ${outMs} ms`)
  }
  await fire()()
  breaker.onDisconnected()
  tick(100)
  assert.equal(breaker.state, 'half-open', 'an answer makes it start from 100 ms again')
})

test('an unanswered request weighs more than the connection that was lost with it', async (context) => {
  const { breaker, fire, tick } = bed(context)
  const settled = fire()(unanswered)
  breaker.onDisconnected()
  await settled
  tick(2999)
  assert.equal(breaker.state, 'open')
})

test('once shut down nothing changes it', async (context) => {
  const { breaker, fire, tick, changes } = bed(context)
  const answer = fire()
  breaker.shutdown()
  await answer(unanswered)
  breaker.onDisconnected()
  tick(10_000)
  assert.deepEqual([breaker.opened, changes], [0, []])
})
