import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { StoreError } from '../../../../src/control/store/store-error.ts'
import type { OperationView } from '../../../../src/core/operations.ts'
import { waitFor } from '../../../support/wait-for.ts'
import { DriveBed, deposed, topicNames } from './drive-bed.ts'

const ann = { actor: 'ann', reason: 'maintenance' }
const there = { kind: 'failover', cluster: 'fronting-a' } as const
const back = { kind: 'failback', cluster: 'fronting-a' } as const

async function start(bed: DriveBed, request: typeof there | typeof back, dryRun = false): Promise<string> {
  return (await bed.control.mover.start(request, dryRun, ann)).id
}

async function view(bed: DriveBed, id: string): Promise<OperationView> {
  const found = await bed.control.reader.show(id)
  assert.ok(found)
  return found
}

/** Steps of a whole operation, in the order in which they end. */
async function stepsOf(t: TestContext, request: typeof there | typeof back): Promise<readonly string[]> {
  const bed = await DriveBed.make(t)
  if (request === back) {
    await start(bed, there)
    await bed.ended()
    bed.runner.ran.length = 0
  }
  await start(bed, request)
  await bed.ended()
  return [...new Set(bed.runner.ran.map(({ step }) => step))]
}

describe('operations', () => {
  for (const request of [there, back]) {
    it(`a ${request.kind} ends right though the leader dies before or after any of its steps`, async (t) => {
      const steps = await stepsOf(t, request)
      assert.ok(steps.length > 6, steps.join())
      for (const moment of ['before', 'after'] as const) {
        for (const step of steps) {
          const bed = await DriveBed.make(t)
          if (request === back) {
            await start(bed, there)
            await bed.ended()
            bed.runner.ran.length = 0
          }
          const reached = Promise.withResolvers<void>()
          const never = new Promise<void>(() => undefined)
          bed.runner[moment] = (effect) => {
            if (effect.step !== step) return undefined
            reached.resolve()
            return never
          }
          const id = await start(bed, request)
          await reached.promise
          await bed.die()
          bed.runner[moment] = () => undefined
          await bed.lead()
          await bed.ended()
          const { state, steps: views } = await view(bed, id)
          assert.equal(state, 'done', `${moment} ${step}`)
          for (const { name, state: end } of views) assert.equal(end, 'done', `${moment} ${step}: ${name}`)
          assert.deepEqual(bed.placedOn(request === there ? 'standby-a' : 'fronting-a'), topicNames)
          const keys = new Set(bed.runner.ran.map(({ key }) => key))
          assert.equal(keys.size, steps.length, `${moment} ${step}: as many keys as steps`)
          await bed.control.stop()
        }
      }
    })
  }

  it('does not take the word of an effect that a former leader ran', async (t) => {
    const bed = await DriveBed.make(t)
    const release = Promise.withResolvers<void>()
    bed.runner.before = ({ step }) => (step === 'create/0' ? release.promise : undefined)
    const id = await start(bed, there)
    await waitFor(() => bed.running()?.steps['create/0'] !== undefined, { describe: 'the creation' })
    await bed.die()
    const hang = Promise.withResolvers<void>()
    bed.runner.before = ({ step }) => (step === 'create/0' ? hang.promise : undefined)
    await bed.lead()
    release.resolve()
    await sleep(20)
    const running = (await view(bed, id)).steps.find(({ name }) => name === 'create/0')
    assert.equal(running?.state, 'running')
    hang.resolve()
    await bed.ended()
    assert.equal((await view(bed, id)).state, 'done')
  })

  it('loses no event while the store is away', async (t) => {
    const bed = await DriveBed.make(t)
    const { store } = bed
    const commit = store.commit.bind(store)
    let refusals = 0
    // Every other write fails; some of those that fail were made all the same.
    store.commit = async (changes, by) => {
      if (by.actor !== ann.actor) return commit(changes, by)
      refusals += 1
      if (refusals % 2 === 0) return commit(changes, by)
      if (refusals % 4 === 1) await commit(changes, by)
      throw new StoreError('store-unavailable', 'the test says so')
    }
    const id = await start(bed, there)
    await bed.ended()
    assert.equal((await view(bed, id)).state, 'done')
    assert.deepEqual(bed.placedOn('standby-a'), topicNames)
  })

  it('tries a step again, with its reason in the view, until it works', async (t) => {
    const bed = await DriveBed.make(t)
    let failures = 0
    bed.runner.before = ({ step }) => {
      if (step === 'lead/0' && failures++ < 3) throw new Error('2 partitions have no leader')
    }
    const id = await start(bed, there)
    await bed.ended()
    const step = (await view(bed, id)).steps.find(({ name }) => name === 'lead/0')
    assert.deepEqual([step?.state, step?.attempts, step?.why], ['done', 3, '2 partitions have no leader'])
  })

  it('stops without a word when the store says that another leads', async (t) => {
    const bed = await DriveBed.make(t)
    const { store } = bed
    const commit = store.commit.bind(store)
    bed.runner.before = ({ step }) => {
      if (step === 'create/0') store.commit = () => Promise.reject(deposed())
    }
    await start(bed, there)
    await waitFor(() => bed.runner.ran.some(({ step }) => step === 'create/0'), { describe: 'the creation' })
    await bed.control.operations.settled()
    store.commit = commit
    assert.ok(!bed.runner.ran.some(({ step }) => step === 'lead/0'))
    await bed.die()
    bed.runner.before = () => undefined
    await bed.lead()
    await bed.ended()
    assert.deepEqual(bed.placedOn('standby-a'), topicNames)
  })

  it('a cluster is moved by one operation at a time, and a drill beside it', async (t) => {
    const bed = await DriveBed.make(t)
    const hang = Promise.withResolvers<void>()
    bed.runner.before = ({ dryRun }) => (dryRun ? undefined : hang.promise)
    const [first, second] = await Promise.allSettled([start(bed, there), start(bed, there)])
    assert.equal(first.status, 'fulfilled')
    assert.match(
      String(second.status === 'rejected' && second.reason),
      /failover-\S+ of fronting-a is under way/,
    )
    const drill = await start(bed, there, true)
    await waitFor(async () => (await view(bed, drill)).state === 'done', { describe: 'the drill' })
    hang.resolve()
    await bed.ended()
  })

  it('takes back what a person names, while that is possible, and says why when it is not', async (t) => {
    const bed = await DriveBed.make(t)
    const hang = Promise.withResolvers<void>()
    bed.runner.before = ({ step }) => (step === 'lead/0' ? hang.promise : undefined)
    const id = await start(bed, there)
    await waitFor(() => bed.running()?.steps['lead/0'], { describe: 'leaders are awaited' })
    await bed.control.mover.cancel(id, { actor: 'bob', reason: 'not today' })
    await bed.ended()
    hang.resolve()
    const undone = await view(bed, id)
    assert.deepEqual([undone.state, undone.undoReason], ['undone', 'not today'])
    assert.equal(undone.steps.find(({ name }) => name === 'lead/0')?.state, 'dropped')
    assert.equal(undone.steps.find(({ name }) => name === 'undo-create/0')?.state, 'done')
    const audit = (await bed.store.auditRows(5)).filter(({ kind }) => kind === 'Failover')
    assert.deepEqual(
      audit.map(({ action, actor, reason }) => [action, actor, reason]),
      [
        ['cancel', 'bob', 'not today'],
        ['start', 'ann', 'maintenance'],
      ],
    )
    await assert.rejects(
      bed.control.mover.cancel(id, { ...ann, reason: 'again' }),
      /cannot be taken back: it has ended/,
    )
  })

  it('a drill checks each step once, changes nothing, and reports what did not pass', async (t) => {
    const bed = await DriveBed.make(t)
    bed.runner.before = ({ step }) => {
      if (step === 'create/0') throw new Error('there is room for 3 partitions, and 9 are needed')
    }
    const id = await start(bed, there, true)
    await bed.ended()
    const { state, passed, steps, topics } = await view(bed, id)
    assert.deepEqual([state, passed, topics.moved], ['done', false, 0])
    const byName = new Map(steps.map((step) => [step.name, step]))
    assert.equal(byName.get('scale-up')?.state, 'done')
    assert.deepEqual(
      [byName.get('create/0')?.state, byName.get('create/0')?.why],
      ['failed', 'there is room for 3 partitions, and 9 are needed'],
    )
    assert.deepEqual(
      [byName.get('publish/0')?.state, byName.get('publish/0')?.why],
      ['dropped', 'not checked: it needs lead/0'],
    )
    assert.ok(bed.runner.ran.every(({ dryRun }) => dryRun))
    assert.deepEqual(bed.placedOn('fronting-a'), topicNames)
    assert.deepEqual(
      await bed.store.auditRows(1).then((rows) => rows.filter(({ kind }) => kind === 'Failover')),
      [],
    )
    bed.runner.before = () => undefined
    const good = await start(bed, there, true)
    await bed.ended()
    assert.equal((await view(bed, good)).passed, true)
  })
})
