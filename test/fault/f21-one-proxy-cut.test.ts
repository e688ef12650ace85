import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fileCleanup } from '../support/file-cleanup.ts'
import { OutageBed } from '../support/outage-bed.ts'
import { clientsOf } from '../support/outage-cut.ts'
import { fullLength } from '../support/outage-length.ts'
import { type Disturbance, staysHome } from '../support/outage-no-failover.ts'
import { uniqueTopic } from '../support/topics.ts'

const file = fileCleanup()
let starting: Promise<OutageBed> | undefined

/**
 * Every byte to and from the brokers goes through this process: at a low rate, because a stall of ours is then one of the whole
 * cluster.
 */
function bed(): Promise<OutageBed> {
  starting ??= OutageBed.start(file, {
    topics: {
      [uniqueTopic('fault-f21fast')]: { delivery: 'fast' },
      [uniqueTopic('fault-f21durable')]: { delivery: 'durable' },
    },
    fronting: { brokers: 3, behindProxies: true },
  })
  return starting
}

const eventsPerSecond = fullLength ? 1000 : 300
const outageMs = fullLength ? 60_000 : 12_000

const disturbances: readonly Disturbance[] = [
  {
    name: 'F21: the way of one proxy to the cluster is cut',
    eventsPerSecond,
    disturb: async (row, fronting) => {
      const [, cut] = row.bed.proxies
      assert.ok(cut !== undefined)
      fronting.fault({ dropRequests: true, dropAnswers: true, onlyFor: clientsOf(cut.process.pid) })
      await row.during(outageMs)
      fronting.fault({})
    },
  },
  {
    name: 'No failover: one broker is slow',
    eventsPerSecond,
    disturb: async (row, fronting) => {
      fronting.fault({ delayAnswersMs: 5000 }, [2])
      await row.during(outageMs)
      fronting.fault({}, [2])
    },
  },
]

for (const disturbance of disturbances) {
  test(`${disturbance.name}: no failover, and nothing is lost`, { timeout: 300_000 }, async (context) =>
    staysHome(context, await bed(), disturbance),
  )
}
