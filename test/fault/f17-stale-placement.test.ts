import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { PlacementDocument } from '../../src/core/placement.ts'
import { faultCluster } from '../support/fault-cluster.ts'
import { OutageBed } from '../support/outage-bed.ts'
import { FaultyControl } from '../support/outage-faulty-control.ts'
import { OutageRow } from '../support/outage-row.ts'
import { scrape, sumOf } from '../support/outage-scraper.ts'
import { rowCleanup } from '../support/row-cleanup.ts'
import { uniqueTopic } from '../support/topics.ts'
import { waitFor } from '../support/wait-for.ts'

/** What is served instead of the present document, and under which reason it is refused. */
const wrongs: readonly {
  readonly name: string
  readonly reason: string
  readonly of: (now: PlacementDocument, before: PlacementDocument) => unknown
}[] = [
  { name: 'the version before', reason: 'older', of: (_, before) => before },
  {
    name: 'a later version of a leader that was deposed',
    reason: 'older',
    of: (now) => ({ ...now, leaseTerm: now.leaseTerm - 1, version: now.version + 100 }),
  },
  {
    name: 'the present version with other words',
    reason: 'contradictory',
    of: (now) => ({ ...now, routes: [] }),
  },
  {
    name: 'that of another store',
    reason: 'unknown-store',
    of: (now) => ({ ...now, storeId: 'another', version: now.version + 100, placements: [], routes: [] }),
  },
  {
    name: 'a later version that contradicts itself',
    reason: 'rubbish',
    of: (now) => ({
      ...now,
      version: now.version + 100,
      placements: now.placements.map((one) => ({ ...one, cluster: 'nowhere' })),
    }),
  },
]

test('F17: stale and contradictory placements are refused and counted, and nothing moves', {
  timeout: 120_000,
}, async (context) => {
  const owner = rowCleanup(context)
  const cluster = await faultCluster()
  await cluster.heal()
  let faulty: FaultyControl | undefined
  const bed = await OutageBed.start(owner, {
    topics: { [uniqueTopic('fault-f17')]: { delivery: 'fast' } },
    fronting: cluster.bootstrap,
    standbyBrokers: 0,
    consumer: false,
    proxies: 2,
    controlSeenAs: async ([url = '']) => {
      faulty = await FaultyControl.start(owner, url)
      return [faulty.url]
    },
  })
  const before = await bed.control.placement()
  await bed.control.apply([{ kind: 'Namespace', name: `f17-${process.pid}`, owner: 'test' }])
  const now = await bed.control.placement()
  assert.ok(now.version > before.version)
  const followers = [...bed.proxies, ...(bed.router === undefined ? [] : [bed.router])]
  const versions = () =>
    Promise.all(followers.map(async ({ url }) => sumOf(await scrape(url), 'forebay_placement_version')))
  await waitFor(async () => (await versions()).every((one) => one === now.version), {
    describe: 'the present one',
  })
  const row = await OutageRow.begin(context, bed, { eventsPerSecond: 400 })
  for (const { name, reason, of } of wrongs) {
    const refused = () =>
      Promise.all(
        followers.map(async ({ url }) =>
          sumOf(await scrape(url), 'forebay_placement_refused_total', `reason="${reason}"`),
        ),
      )
    const counted = await refused()
    faulty?.set({ placement: of(now, before) })
    await waitFor(async () => (await refused()).every((one, index) => one > (counted[index] ?? 0)), {
      describe: `${name} to be refused as ${reason} by every follower`,
      state: async () => [counted, await refused(), bed.logs],
    })
    assert.deepEqual(new Set(await versions()), new Set([now.version]), name)
    context.diagnostic(`${name}: refused as ${reason}`)
  }
  faulty?.set('well')
  await row.settle()
  assert.deepEqual(
    row.requests('fast').filter(({ fate }) => fate !== 'accepted'),
    [],
  )
  for (const topic of row.topics) {
    const { lost, duplicates } = await row.verdict(topic)
    assert.deepEqual([lost, duplicates], [0, 0])
  }
})
