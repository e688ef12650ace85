import assert from 'node:assert/strict'
import { once } from 'node:events'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { type TestContext, test } from 'node:test'
import { Worker } from 'node:worker_threads'
import { pino } from 'pino'
import { systemClock } from '../../../../src/core/clock.ts'
import { Ledger } from '../../../../src/core/outcome.ts'
import type { PlacementDocument } from '../../../../src/core/placement.ts'
import { readPlacementDocument } from '../../../../src/placement/document.ts'
import { EventBuffer } from '../../../../src/proxy/buffer/event-buffer.ts'
import { ClusterProducers } from '../../../../src/proxy/produce/cluster-producers.ts'
import { TopicTable } from '../../../../src/proxy/topic-table.ts'
import { placedTopic } from '../../../support/placed-topic.ts'
import { stagedEvents } from '../../../support/staged-events.ts'
import { waitFor } from '../../../support/wait-for.ts'

const topics = Array.from({ length: 4000 }, (_, index) => `many.t${index}`)
const partitions = 4
/** In CPU time: a machine that is shared stops us for longer than the work takes. What the clock says is printed. */
const longestTurnMs = 250

function cpuMs(): number {
  const { user, system } = process.threadCpuUsage()
  return (user + system) / 1000
}

/** Looks at each turn of the loop how much CPU time it took. */
class Turns {
  #longestMs = 0
  #lastMs = cpuMs()
  #over = false

  constructor() {
    this.#look()
  }

  stop(): number {
    this.#over = true
    return this.#longestMs
  }

  #look(): void {
    const nowMs = cpuMs()
    this.#longestMs = Math.max(this.#longestMs, nowMs - this.#lastMs)
    this.#lastMs = nowMs
    if (!this.#over) setImmediate(() => this.#look())
  }
}

async function clusterOf(t: TestContext, known: readonly string[]): Promise<readonly string[]> {
  const worker = new Worker(new URL('../../kafka/fake-cluster-worker.ts', import.meta.url), {
    workerData: { topics: known, partitions },
  })
  t.after(() => worker.terminate())
  const [bootstrap] = (await once(worker, 'message')) as [readonly string[]]
  return bootstrap
}

test('4,000 topics switch to another cluster with what is queued, and the loop hardly notices', async (t) => {
  // On the first cluster no topic is found, so that everything waits.
  const [a, b] = await Promise.all([clusterOf(t, []), clusterOf(t, topics)])
  const ledger = new Ledger()
  const logger = pino({ level: 'silent' })
  const timeouts = { requestTimeoutMs: 60_000, requestTimeoutAllMs: 60_000 }
  const producers = new ClusterProducers({
    clock: systemClock,
    ledger,
    logger,
    batchBytes: 16_384,
    ...timeouts,
  })
  t.after(() => producers.drain(0).then(() => undefined))
  const buffer = new EventBuffer({
    limitBytes: 256 * 2 ** 20,
    batchBytes: 16_384,
    lingerMs: 60_000,
    deliveryTimeoutMs: 600_000,
    clock: systemClock,
    ledger,
    submit: (batch) => producers.submit(batch),
  })
  const table = new TopicTable()
  const textOf = (version: number, cluster: 'a' | 'b') =>
    JSON.stringify(documentOf(version, cluster, { a, b }))
  /** Everything that a proxy does with a new document, in CPU time of this thread, which a busy machine does not lengthen much. */
  const use = async (text: string) => {
    const startMs = cpuMs()
    const checked = await readPlacementDocument(text)
    if (!checked.ok) throw new Error(checked.reason)
    const readMs = cpuMs()
    producers.place(checked.document)
    const placedMs = cpuMs()
    table.use(checked.document)
    buffer.place(table.clusterOf)
    return { readMs: readMs - startMs, placeMs: placedMs - readMs, restMs: cpuMs() - placedMs }
  }
  await use(textOf(1, 'a'))
  for (const topic of topics) buffer.offer(placedTopic(topic, { partitions }), stagedEvents([topic]))
  buffer.flush()
  const second = textOf(2, 'b')
  const turns = new Turns()
  const delay = monitorEventLoopDelay({ resolution: 1 })
  delay.enable()
  const startMs = performance.now()
  const took = await use(second)
  const inFlight = () => topics.reduce((sum, topic) => sum + ledger.topic(topic).inFlight, 0)
  await waitFor(() => inFlight() === 0, {
    describe: 'everything on the other cluster',
    intervalMs: 5,
    state: inFlight,
  })
  const allMs = performance.now() - startMs
  delay.disable()
  const longestMs = turns.stop()
  const figures = { ...took, longestMs, loopDelayMs: delay.max / 1e6, allMs }
  t.diagnostic(
    Object.entries(figures)
      .map(([name, ms]) => `${name} ${ms.toFixed(1)}`)
      .join(', '),
  )
  assert.equal(
    topics.reduce((sum, topic) => sum + ledger.topic(topic).moved, 0),
    topics.length,
  )
  assert.ok(longestMs < longestTurnMs, `a turn of the loop took ${longestMs} ms of CPU`)
})

function documentOf(
  version: number,
  cluster: 'a' | 'b',
  { a, b }: Readonly<Record<'a' | 'b', readonly string[]>>,
): PlacementDocument {
  return {
    storeId: 'test',
    leaseTerm: 1,
    version,
    clusters: [
      { id: 'a', role: 'fronting', bootstrap: a },
      { id: 'b', role: 'standby', bootstrap: b },
    ],
    placements: topics.map((topic) =>
      placedTopic(topic, { cluster, standby: 'b', holders: ['a', 'b'], partitions }),
    ),
    routes: topics.map((topic) => ({
      id: `${topic}.out`,
      topic,
      sink: { type: 'kafka', cluster: 'b', topic },
      from: 'earliest',
      state: 'running',
    })),
  }
}
