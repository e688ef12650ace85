import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { faultCluster } from '../support/fault-cluster.ts'
import { fileCleanup } from '../support/file-cleanup.ts'
import { type BedProcess, OutageBed } from '../support/outage-bed.ts'
import { type ControlFault, FaultyControl } from '../support/outage-faulty-control.ts'
import { fullLength } from '../support/outage-length.ts'
import { OutageRow } from '../support/outage-row.ts'
import { scrape, sumOf } from '../support/outage-scraper.ts'
import { uniqueTopic } from '../support/topics.ts'
import { waitFor } from '../support/wait-for.ts'

const file = fileCleanup()
const faulty: FaultyControl[] = []
let starting: Promise<OutageBed> | undefined

function bed(): Promise<OutageBed> {
  starting ??= (async () => {
    const cluster = await faultCluster()
    await cluster.heal()
    return OutageBed.start(file, {
      topics: {
        [uniqueTopic('fault-f16fast')]: { delivery: 'fast' },
        [uniqueTopic('fault-f16durable')]: { delivery: 'durable' },
      },
      fronting: cluster.bootstrap,
      standbyBrokers: 0,
      consumer: false,
      proxies: 2,
      controlSeenAs: async (urls) => {
        for (const url of urls) faulty.push(await FaultyControl.start(file, url))
        return faulty.map(({ url }) => url)
      },
    })
  })()
  return starting
}

const set = (fault: ControlFault) => faulty.forEach((one) => void one.set(fault))

interface ControlOutage {
  readonly does: string
  readonly inject: (control: BedProcess) => Promise<void> | void
  readonly end: (control: BedProcess, bed: OutageBed) => Promise<void> | void
}

const outages: readonly ControlOutage[] = [
  {
    does: 'dies',
    inject: async ({ process }) => {
      process.kill('SIGKILL')
      await process.exited
    },
    end: (control, own) => own.startAgain(control),
  },
  {
    does: 'hangs',
    inject: ({ process }) => process.kill('SIGSTOP'),
    end: ({ process }) => process.kill('SIGCONT'),
  },
  ...(['hangs', 'answers 500', 'answers rubbish'] as const).map((fault) => ({
    does: fault === 'hangs' ? 'takes questions and never answers' : fault,
    inject: () => set(fault),
    end: () => set('well'),
  })),
]

for (const { does, inject, end } of outages) {
  test(`F16: the control plane ${does}: proxies and router go on, a proxy restarted meanwhile starts from its snapshot`, {
    timeout: 120_000,
  }, async (context) => {
    const own = await bed()
    const [control] = own.controls
    const [restarted] = own.proxies
    assert.ok(control !== undefined && restarted !== undefined)
    const row = await OutageRow.begin(context, own, { eventsPerSecond: fullLength ? 4000 : 400 })
    await row.during(500)
    const injectedMs = performance.now()
    await inject(control)
    await row.during(fullLength ? 20_000 : 2000)
    const routed = await delivered(own)
    await row.during(1000)
    assert.ok((await delivered(own)) > routed, `the router stood still\n${own.logs}`)
    // Its clients are served by the others meanwhile; here they just meet a closed port.
    const beforeMs = performance.now()
    await restarted.process.stop()
    await own.startAgain(restarted)
    row.note('a proxy is ready again without control plane, s', (performance.now() - beforeMs) / 1000)
    await row.flowAgain()
    const healedMs = performance.now()
    await end(control, own)
    await followsAgain(context, own)
    row.note('a change reaches every follower after, s', (performance.now() - healedMs) / 1000)
    await row.settle()
    const disturbed = row.requests('fast', injectedMs, beforeMs).filter(({ fate }) => fate !== 'accepted')
    assert.deepEqual(disturbed, [], 'traffic was disturbed')
    for (const topic of row.topics) {
      const { lost, duplicates } = await row.verdict(topic)
      assert.equal(lost, 0, `${topic}: accepted events are lost\n${own.logs}`)
      assert.equal(duplicates, 0)
    }
  })
}

async function delivered({ router }: OutageBed): Promise<number> {
  return router === undefined ? 0 : sumOf(await scrape(router.url), 'forebay_sink_records_total')
}

/** A change at the control plane reaches every proxy and the router by itself. */
async function followsAgain(context: TestContext, own: OutageBed): Promise<void> {
  const name = uniqueTopic('fault-f16later')
  const { version } = await own.control.apply([
    { kind: 'Namespace', name: name.replaceAll('.', '-'), owner: 'test' },
  ])
  const followers = [...own.proxies, ...(own.router === undefined ? [] : [own.router])]
  await waitFor(
    async () => {
      const seen = await Promise.all(
        followers.map(async ({ url }) => sumOf(await scrape(url), 'forebay_placement_version')),
      )
      return seen.every((one) => one >= version)
    },
    { describe: `version ${version} everywhere`, timeoutMs: 60_000, state: () => own.logs },
  )
  context.diagnostic(`version ${version} everywhere`)
}
