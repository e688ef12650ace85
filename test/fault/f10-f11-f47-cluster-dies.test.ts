import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { FolderFollower } from '../../load/verify/folder-follower.ts'
import { idOf } from '../support/fault-load.ts'
import { fileCleanup } from '../support/file-cleanup.ts'
import { OutageBed } from '../support/outage-bed.ts'
import {
  assertAllHome,
  assertNoRefusal,
  assertNothingLost,
  clusterDies,
  failBack,
} from '../support/outage-cluster-dies.ts'
import { fullLength, onlyFullLength } from '../support/outage-length.ts'
import { OutageRow } from '../support/outage-row.ts'
import { uniqueTopic } from '../support/topics.ts'

const file = fileCleanup()
const [fast, durable] = [uniqueTopic('fault-f10fast'), uniqueTopic('fault-f10durable')]
let starting: Promise<OutageBed> | undefined

/** Rows follow each other, so what keeps a cluster from being moved again at once is short here; failback is by hand. */
function bed(): Promise<OutageBed> {
  starting ??= OutageBed.start(file, {
    topics: {
      [fast]: { delivery: 'fast' },
      [durable]: { delivery: 'durable', sinks: ['kafka', 'file'] },
    },
    controlArgs: ['--hold-down', '1s', '--move-interval', '1s', '--failback-after', '1h'],
  })
  return starting
}

const deaths = [
  { row: 'F10: every broker of the fronting cluster is killed', inject: 'kill' },
  { row: 'F47: after a failover and a failback the same again behaves like the first time', inject: 'kill' },
  { row: 'F11: every broker of the fronting cluster hangs', inject: 'pause' },
] as const

for (const { row: title, inject } of deaths) {
  test(`${title}: traffic flows on the standby unattended, comes back, and nothing durable is lost`, {
    timeout: 300_000,
  }, async (context) => {
    const row = await OutageRow.begin(context, await bed())
    const { faultMs, timeline } = await clusterDies(row, (cluster) => cluster[inject]())
    row.note('events in flight in a proxy at most', mostInFlight(row, faultMs))
    await row.bed.fronting?.heal()
    await failBack(row)
    await row.during(fullLength ? 5000 : 1500)
    await row.settle()
    assertNoRefusal(row, faultMs)
    await assertNothingLost(row, faultMs)
    await assertFileWhole(row)
    await assertAllHome(row)
    const { hooks } = row.bed
    row.note('calls of hooks', hooks.calls.filter(({ atMs }) => atMs > faultMs).length)
    assert.equal(hooks.keys('scale-up', faultMs).size, 1, JSON.stringify(hooks.calls))
    assert.equal(hooks.keys('scale-down', faultMs).size, 1, JSON.stringify(hooks.calls))
    assert.ok(timeline.decided !== undefined)
  })
}

test('F10: every broker is killed and comes back with empty disks: what the router had not read is lost, and counted', {
  timeout: 300_000,
  skip: onlyFullLength,
}, async (context) => {
  const row = await OutageRow.begin(context, await bed())
  const { faultMs } = await clusterDies(row, (cluster) => cluster.kill())
  await row.bed.fronting?.healWiped()
  await failBack(row)
  await row.during(2000)
  await row.settle()
  assertNoRefusal(row, faultMs)
  for (const topic of row.topics) {
    const { lost } = await row.verdict(topic)
    const resent = await row.grown('forebay_events_resent_total', `topic="${topic}"`)
    const reported = await row.grownIfKnown('forebay_events_lost_after_ack_total', `topic="${topic}"`)
    row.note(`${row.bed.topics[topic]?.delivery}: lost with the disks`, lost)
    row.note(`${row.bed.topics[topic]?.delivery}: reported lost after ack`, reported)
    assert.ok(
      reported === undefined || Math.abs(lost - reported) <= resent,
      `${topic}: ${lost} lost, ${reported} reported, ${resent} resent`,
    )
  }
  await assertAllHome(row)
})

function mostInFlight({ bed: { scraper } }: OutageRow, fromMs: number): number {
  return scraper.most(fromMs, (metrics) => metrics.get('forebay_events_in_flight') ?? 0)
}

/** The file sink has every accepted event of the durable topic too: no line overwritten, none taken for a repetition. */
async function assertFileWhole({ bed: { routerFolder }, loads }: OutageRow): Promise<void> {
  const seen = new Map<string, Set<number>>()
  const follower = new FolderFollower(join(routerFolder, 'files', `${durable}.file`), (line) => {
    const id = idOf(line)
    if (id !== undefined) seen.set(id.run, (seen.get(id.run) ?? new Set()).add(id.index))
  })
  await follower.poll()
  for (const { topic, run, requests } of loads) {
    if (topic !== durable) continue
    const missing = requests
      .filter(({ fate }) => fate === 'accepted')
      .flatMap(({ first, events }) => Array.from({ length: events }, (_, index) => first + index))
      .filter((index) => seen.get(run)?.has(index) !== true)
    assert.deepEqual(missing.slice(0, 10), [], `${missing.length} events are missing in the files`)
  }
}
