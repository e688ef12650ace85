import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { waitFor } from '../../../support/wait-for.ts'
import { allKilled, fine, proxies, watch } from '../failover/weather.ts'
import { DriveBed, topicNames } from './drive-bed.ts'

const dead = { ...allKilled }
const oneDead = {
  watch: watch(['refused', 'well', 'well']),
  reports: proxies('one-broker-fails', 'one-broker-fails', 'well'),
}

describe('the failover loop', () => {
  it('moves every topic of a dead cluster, says why, and brings them back when it is well', async (t) => {
    const bed = await DriveBed.make(t, { rules: { holdDownMs: 60_000, failbackRounds: 3 } })
    const created = (await bed.events('cluster.')).length
    await bed.seconds(20, fine)
    const before = (await bed.events('cluster.')).length
    assert.equal(before, created, 'that all is well is no news')
    await bed.seconds(3, dead)
    assert.deepEqual(bed.placedOn('standby-a'), topicNames)
    const [operation] = await bed.control.reader.list({})
    assert.equal(operation?.state, 'done')
    assert.equal(operation?.automatic, true)
    assert.match(
      operation?.reason ?? '',
      /^every broker refuses connections, and nothing of all 3 proxies with traffic got through for 2 s$/,
    )
    const said = (await bed.events('cluster.')).map(({ kind }) => kind)
    assert.deepEqual(said.slice(before, before + 2), ['cluster.suspect', 'cluster.fail-over'])
    assert.equal(bed.control.health('fronting-a')?.state, 'away')

    await bed.seconds(40, { watch: fine.watch ?? watch(['well']), reports: [] })
    assert.deepEqual(bed.placedOn('standby-a'), topicNames, 'hold-down')
    assert.equal(bed.control.health('fronting-a')?.decision.action, 'hold')
    await bed.seconds(60)
    assert.deepEqual(bed.placedOn('fronting-a'), topicNames)
    const [back] = await bed.control.reader.list({})
    assert.deepEqual([back?.kind, back?.state, back?.automatic], ['failback', 'done', true])
    assert.equal(bed.control.health('fronting-a')?.state, 'home')
  })

  it('does not move for one dead broker of three', async (t) => {
    const bed = await DriveBed.make(t)
    await bed.seconds(20, fine)
    await bed.seconds(120, oneDead)
    assert.deepEqual(await bed.store.operations({}), [])
    assert.deepEqual(bed.placedOn('fronting-a'), topicNames)
  })

  it('trouble that comes and goes is one event, and its end is another', async (t) => {
    const bed = await DriveBed.make(t)
    await bed.seconds(20, fine)
    const before = (await bed.events('cluster.')).length
    for (let turn = 0; turn < 20; turn += 1) {
      await bed.seconds(1, dead)
      await bed.seconds(1, fine)
    }
    await bed.seconds(40, fine)
    const said = (await bed.events('cluster.')).slice(before).map(({ kind }) => kind)
    assert.deepEqual(said, ['cluster.suspect', 'cluster.settled'])
  })

  it('a return that a person begins right after the outage is not reversed by what the outage left', async (t) => {
    const bed = await DriveBed.make(t, { rules: { holdDownMs: 0, moveIntervalMs: 0, failbackRounds: 1000 } })
    await bed.seconds(20, fine)
    await bed.seconds(60, dead)
    assert.deepEqual(bed.placedOn('standby-a'), topicNames)
    await bed.seconds(3, fine)
    const drained = Promise.withResolvers<void>()
    bed.runner.before = ({ body }) => (body.kind === 'await-drained' ? drained.promise : undefined)
    const request = { kind: 'failback', cluster: 'fronting-a' } as const
    const { id } = await bed.control.mover.start(request, false, { actor: 'ann', reason: 'it is back' })
    await bed.ticks(30, fine)
    drained.resolve()
    await bed.ended()
    assert.equal((await bed.store.operation(id))?.state, 'done')
    assert.deepEqual(bed.placedOn('fronting-a'), topicNames)
  })

  it('a freeze holds a move, and the move comes when it is lifted', async (t) => {
    const bed = await DriveBed.make(t)
    await bed.control.freezes.freeze('fronting-a', { actor: 'ann', reason: 'we look at it' })
    await bed.seconds(20, fine)
    await bed.seconds(10, dead)
    assert.deepEqual(await bed.store.operations({}), [])
    assert.match(
      bed.control.health('fronting-a')?.decision.why ?? '',
      /not moved: automatic moves are frozen: we look at it/,
    )
    const holds = await bed.events('cluster.hold')
    assert.equal(holds.length, 1, 'one event, not one a second')
    await bed.die()
    await bed.lead()
    await bed.seconds(10)
    assert.deepEqual(await bed.store.operations({}), [], 'the next leader knows of it')
    await bed.control.freezes.lift('fronting-a', { actor: 'ann', reason: 'go' })
    await bed.seconds(1)
    assert.deepEqual(bed.placedOn('standby-a'), topicNames)
    const audit = (await bed.store.auditRows(10)).map(({ action, kind, reason }) => [action, kind, reason])
    assert.deepEqual(
      audit.filter(([, kind]) => kind === 'Freeze'),
      [
        ['unfreeze', 'Freeze', 'go'],
        ['freeze', 'Freeze', 'we look at it'],
      ],
    )
  })

  it('switched off it says what it would do, and does nothing', async (t) => {
    const bed = await DriveBed.make(t, { isOff: true })
    await bed.seconds(20, fine)
    await bed.seconds(10, dead)
    assert.deepEqual(await bed.store.operations({}), [])
    assert.match(bed.control.health('fronting-a')?.decision.why ?? '', /--failover off/)
  })

  it('holds while the standby does not answer, and moves when it does', async (t) => {
    const bed = await DriveBed.make(t)
    await bed.seconds(20, fine)
    bed.senses.standbyAnswers = false
    await bed.seconds(5, dead)
    assert.match(
      bed.control.health('fronting-a')?.decision.why ?? '',
      /not moved: standby standby-a cannot be used: it does not answer/,
    )
    bed.senses.standbyAnswers = true
    await bed.seconds(1)
    assert.deepEqual(bed.placedOn('standby-a'), topicNames)
  })

  it('after a stall of its own it first looks for a while, and tells the register', async (t) => {
    const bed = await DriveBed.make(t)
    await bed.seconds(20, fine)
    bed.clock.pass(30_000)
    await bed.seconds(3, dead)
    assert.equal(bed.senses.stalls.length, 1)
    assert.deepEqual(await bed.store.operations({}), [])
    await bed.seconds(3)
    assert.equal((await bed.store.operations({})).length, 1)
  })

  it('takes a failover back that has moved nothing, when the cluster is well again', async (t) => {
    const bed = await DriveBed.make(t)
    await bed.seconds(20, fine)
    const hangs = Promise.withResolvers<void>()
    bed.runner.before = (effect) => (effect.body.kind === 'await-leaders' ? hangs.promise : undefined)
    await bed.ticks(3, dead)
    assert.equal(bed.running()?.plan.kind, 'failover')
    await bed.ticks(4, fine)
    hangs.resolve()
    await bed.ended()
    const [operation] = await bed.control.reader.list({})
    assert.equal(operation?.state, 'undone')
    assert.match(operation?.undoReason ?? '', /has been well again for 3 s, and nothing has been moved yet/)
    assert.deepEqual(bed.placedOn('fronting-a'), topicNames)
  })

  it('brings back by itself what it moved by itself, and leaves what a person moved', async (t) => {
    const bed = await DriveBed.make(t, { rules: { holdDownMs: 1000, failbackRounds: 3 } })
    await bed.seconds(20, fine)
    const request = { kind: 'failover', cluster: 'fronting-a', topics: ['web.b'] } as const
    const { plan } = await bed.control.mover.start(request, false, { actor: 'ann', reason: 'try' })
    assert.equal(plan.planned, true, 'the cluster is well')
    await bed.ended()
    assert.deepEqual(bed.placedOn('standby-a'), ['web.b'])
    await bed.seconds(60, fine)
    assert.equal(bed.control.health('fronting-a')?.state, 'home', 'the others are still guarded')
    assert.deepEqual(bed.placedOn('standby-a'), ['web.b'])
    await bed.seconds(5, dead)
    assert.deepEqual(bed.placedOn('standby-a'), topicNames)
    await bed.seconds(60, { watch: watch(['well', 'well', 'well']), reports: [] })
    assert.deepEqual(bed.placedOn('standby-a'), ['web.b'], 'hers is left to her')
    const back = { kind: 'failback', cluster: 'fronting-a' } as const
    await bed.control.mover.start(back, false, { actor: 'ann', reason: 'done' })
    await bed.ended()
    assert.deepEqual(bed.placedOn('fronting-a'), topicNames)
  })

  it('turns a failback round when the cluster dies again before anything was released', async (t) => {
    const rules = { holdDownMs: 1000, moveIntervalMs: 1000, failbackRounds: 1 }
    const bed = await DriveBed.make(t, { rules })
    await bed.seconds(20, fine)
    await bed.seconds(3, dead)
    assert.deepEqual(bed.placedOn('standby-a'), topicNames)
    const hang = Promise.withResolvers<void>()
    bed.runner.before = ({ step }) => (step === 'drain/0' ? hang.promise : undefined)
    await bed.ticks(30, { watch: fine.watch ?? watch(['well']), reports: [] })
    assert.equal(bed.running()?.plan.kind, 'failback')
    await waitFor(() => bed.running()?.steps['drain/0'], { describe: 'the drain' })
    assert.deepEqual(bed.placedOn('fronting-a'), topicNames)
    await bed.ticks(3, dead)
    await bed.ended()
    hang.resolve()
    assert.deepEqual(bed.placedOn('standby-a'), topicNames)
    const [failback] = await bed.control.reader.list({})
    assert.deepEqual([failback?.kind, failback?.state], ['failback', 'undone'])
    assert.match(failback?.undoReason ?? '', /^every broker refuses connections/)
    assert.equal((await bed.store.moves(0)).length, 2, 'it counts as a move')
    assert.equal(bed.control.health('fronting-a')?.state, 'moving')
    await bed.seconds(1)
    assert.equal(bed.control.health('fronting-a')?.state, 'away')
  })

  it('says why a move that was decided could not begin', async (t) => {
    const bed = await DriveBed.make(t)
    await bed.seconds(20, fine)
    const topics = topicNames.map((topic) => ({ action: 'delete', kind: 'Topic', name: topic }) as const)
    await bed.store.commit(topics, bed.authority({ actor: 'ann' }))
    await bed.feed.refresh()
    await bed.seconds(5, dead)
    assert.match(
      bed.control.health('fronting-a')?.decision.why ?? '',
      /; not done: the failover of fronting-a cannot begin: no topic is on fronting-a/,
    )
    assert.equal((await bed.events('cluster.hold')).length, 1)
  })
})
