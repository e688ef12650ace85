import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { PlacementDocument } from '../../../../src/core/placement.ts'
import { SharedRounds } from '../../../../src/core/shared-rounds.ts'
import { RestartDelay } from '../../../../src/proxy/workers/restart-delay.ts'
import { ToldPlacement } from '../../../../src/proxy/workers/told-placement.ts'
import { verdict } from '../../../../src/proxy/workers/whole-proxy.ts'

test('pauses between restarts double up to 10 s, and begin anew after a worker that lived', () => {
  const pauses = new RestartDelay()
  const young = Array.from({ length: 9 }, () => pauses.after(5))
  assert.deepEqual(young, [100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000])
  assert.equal(pauses.after(60_000), 100)
  assert.equal(pauses.after(0), 200)
})

test('who asks during a round gets the next one, and all who do share it', async () => {
  const rounds: PromiseWithResolvers<number>[] = []
  const shared = new SharedRounds(() => {
    const round = Promise.withResolvers<number>()
    rounds.push(round)
    return round.promise
  })
  const first = shared.ask()
  const second = shared.ask()
  const third = shared.ask()
  assert.equal(rounds.length, 1)
  rounds[0]?.reject(new Error('broken'))
  await assert.rejects(first, /broken/)
  while (rounds.length < 2) await Promise.resolve()
  rounds[1]?.resolve(2)
  assert.deepEqual(await Promise.all([second, third]), [2, 2])
  const fourth = shared.ask()
  rounds[2]?.resolve(3)
  assert.equal(await fourth, 3)
  assert.equal(rounds.length, 3)
})

test('a proxy is ready as long as one worker is; otherwise it says why, once', () => {
  const not = (...problems: string[]) => ({ ready: false, problems, checks: {} })
  const ready = { ready: true, problems: [], checks: {} }
  assert.deepEqual(verdict([not('draining'), ready]), { ready: true, problems: [] })
  assert.deepEqual(verdict([not('no-placement'), not('no-placement', 'wedged')]), {
    ready: false,
    problems: ['no-placement', 'wedged'],
  })
  assert.deepEqual(verdict([]), { ready: false, problems: ['no-worker'] })
})

test('a worker uses the placement that it was started with, then those that it is told, and asks its parent', async () => {
  let nowMs = 1000
  const counts = {
    refusedOlder: 0,
    refusedContradictory: 0,
    refusedUnknownStore: 0,
    refusedRubbish: 0,
    failedAsks: 0,
    taken: 1,
    failedSaves: 0,
  }
  const document = (version: number): PlacementDocument => ({
    storeId: 's',
    leaseTerm: 1,
    version,
    clusters: [],
    placements: [],
    routes: [],
  })
  const clock = { monotonicMs: () => nowMs, wallMs: () => nowMs }
  const answers = [undefined, { failed: 'nobody is there' }, { ageMs: 3, counts }]
  const told = new ToldPlacement(clock, { document: document(1), ageMs: 50, counts }, async () =>
    answers.shift(),
  )
  const heard: (number | undefined)[][] = []
  told.onChange((next, previous) => heard.push([next.version, previous?.version]))
  await told.start()
  nowMs = 1010
  assert.equal(told.ageMs, 60)
  told.tell({ document: document(2), ageMs: 0, counts: { ...counts, taken: 2 } })
  assert.deepEqual(heard, [
    [1, undefined],
    [2, 1],
  ])
  assert.equal(told.current?.version, 2)
  assert.equal(told.ageMs, 0)
  assert.equal(told.counts.taken, 2)
  await assert.rejects(told.refresh(), /the parent process does not answer/)
  await assert.rejects(told.refresh(), /nobody is there/)
  await told.refresh()
  assert.equal(told.ageMs, 3)
})
