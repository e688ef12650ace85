import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type BedProcess, OutageBed } from '../support/outage-bed.ts'
import {
  assertAllHome,
  assertNoRefusal,
  assertNothingLost,
  failBack,
} from '../support/outage-cluster-dies.ts'
import { OutageControl } from '../support/outage-control.ts'
import { OutageRow } from '../support/outage-row.ts'
import { noteTimeline, timelineOf } from '../support/outage-timeline.ts'
import { PostgresServer, postgresBinaries } from '../support/postgres.ts'
import { rowCleanup } from '../support/row-cleanup.ts'
import { uniqueTopic } from '../support/topics.ts'
import { waitFor } from '../support/wait-for.ts'

const found = postgresBinaries()

test('F18: the leader is paused past its lease in the middle of a failover: the other one ends it, the late one is fenced', {
  timeout: 240_000,
  skip: 'missing' in found ? found.missing : false,
}, async (context) => {
  if ('missing' in found) return
  const owner = rowCleanup(context)
  const server = await PostgresServer.start(owner, found.folder)
  const bed = await OutageBed.start(owner, {
    topics: {
      [uniqueTopic('fault-f18fast')]: { delivery: 'fast' },
      [uniqueTopic('fault-f18durable')]: { delivery: 'durable' },
    },
    store: await server.url('control'),
    controls: 2,
    proxies: 2,
    controlArgs: ['--hold-down', '1s', '--failback-after', '1h'],
  })
  const row = await OutageRow.begin(context, bed)
  const roles = await Promise.all(bed.controls.map(roleOf))
  const leader = bed.controls[roles.indexOf('leader')]
  const other = bed.controls[roles.indexOf('standby')]
  assert.ok(leader !== undefined && other !== undefined, roles.join())
  const otherControl = new OutageControl([other.url])
  await row.during(2000)
  row.watchFromNow()
  const faultMs = performance.now()
  await bed.fronting?.kill()
  const begun = await waitFor(
    () =>
      bed.events
        .since(faultMs)
        .find(({ kind, data }) => kind === 'failover.state' && data.state === 'running'),
    { describe: 'the failover to begin', timeoutMs: 60_000, intervalMs: 2, state: () => bed.logs },
  )
  leader.process.kill('SIGSTOP')
  const pausedMs = performance.now()
  await waitFor(async () => (await roleOf(other)) === 'leader', {
    describe: 'the other to lead',
    timeoutMs: 30_000,
    state: () => bed.logs,
  })
  row.note('the other leads after, s', (performance.now() - pausedMs) / 1000)
  const ended = await otherControl.ended('failovers', String(begun.data.operation), 60_000)
  assert.equal(ended.state, 'done', JSON.stringify(ended))
  await row.flowAgain()
  leader.process.kill('SIGCONT')
  await waitFor(async () => (await roleOf(leader)) === 'standby', { describe: 'the late one to stand by' })
  await row.during(2000)
  noteTimeline(row, timelineOf(bed, row, faultMs))
  assert.equal((await otherControl.list('failovers')).length, 1, 'one failover, not one for each of them')
  assert.equal(bed.hooks.keys('scale-up', faultMs).size, 1)
  await bed.fronting?.heal()
  await failBack(row)
  await row.settle()
  assertNoRefusal(row, faultMs)
  await assertNothingLost(row, faultMs)
  await assertAllHome(row)
})

async function roleOf({ url }: BedProcess): Promise<string> {
  const response = await fetch(`${url}/readyz?verbose`, { signal: AbortSignal.timeout(2000) })
  const { checks } = (await response.json()) as { checks: { leadership: { detail: { role: string } } } }
  return checks.leadership.detail.role
}
