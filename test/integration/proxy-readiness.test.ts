import assert from 'node:assert/strict'
import { before, type TestContext, test } from 'node:test'
import type { ClusterState } from '../../src/kafka/cluster-state.ts'
import type { ClusterAddress } from '../support/cluster-set.ts'
import { freePort } from '../support/free-port.ts'
import { sharedCluster } from '../support/kafka.ts'
import { placedTopic } from '../support/placed-topic.ts'
import { makeTopic, uniqueTopic } from '../support/topics.ts'
import { waitFor } from '../support/wait-for.ts'
import { placementOf, postEvents, type RunningProxy, readMetrics, startProxy } from './proxy-support.ts'

let fronting: ClusterAddress

before(async () => {
  fronting = await sharedCluster('fronting')
})

/** A proxy with a topic on a cluster that is well and one on a cluster that nobody can reach. */
async function halfOutProxy(context: TestContext) {
  const topic = uniqueTopic('ready')
  context.after(await makeTopic(fronting.bootstrap, topic, { partitions: 2, replicas: 2 }))
  const document = placementOf(fronting.bootstrap, [
    placedTopic(topic),
    placedTopic('out.events', { cluster: 'out', holders: ['out'] }),
  ])
  const nobody = { id: 'out', role: 'fronting' as const, bootstrap: [`127.0.0.1:${await freePort()}`] }
  const placement = { ...document, clusters: [...document.clusters, nobody] }
  const args = ['--max-buffer', '8MiB', '--drain-grace', '0s', '--drain-timeout', '2s']
  return { topic, proxy: await startProxy(context, placement, args) }
}

type ClusterDetail = ClusterState & { readonly bufferBytes: number; readonly bufferRecords: number }

interface Verbose {
  readonly ready: boolean
  readonly problems: readonly string[]
  readonly checks: Readonly<Record<string, { readonly detail?: unknown }>>
}

async function readiness(proxy: RunningProxy): Promise<Verbose> {
  return (await (await fetch(`${proxy.url}/readyz?verbose`)).json()) as Verbose
}

const detailOf = <Detail>({ checks }: Verbose, name: string) => checks[name]?.detail as Detail

test('a cluster that is out fills its share of the buffer and no more, is told by /readyz?verbose, and the proxy stays ready', async (context) => {
  const { topic, proxy } = await halfOutProxy(context)
  const body = `"${'x'.repeat(998)}"\n`.repeat(200)
  await waitFor(async () => (await postEvents(proxy, 'out.events', body)).status === 429, {
    describe: 'the topic of the cluster that is out to be refused',
    timeoutMs: 30_000,
  })
  for (let request = 0; request < 20; request += 1) {
    assert.equal((await postEvents(proxy, topic, body)).status, 202, 'the other cluster has its own room')
  }
  await waitFor(
    async () => {
      // An open batch that still lingers is in the buffer, and waits for no ack yet.
      const well = detailOf<Record<string, ClusterDetail>>(await readiness(proxy), 'clusters')['fronting-a']
      return well?.ackAgeMs === null && well.bufferBytes === 0
    },
    {
      describe: 'everything to be acknowledged where Kafka is well',
      state: () => proxy.process.output.slice(-4000),
    },
  )
  const told = await readiness(proxy)
  assert.deepEqual([told.ready, told.problems], [true, []])
  const clusters = detailOf<Record<string, ClusterDetail>>(told, 'clusters')
  const { out, 'fronting-a': well } = clusters
  assert.ok(out !== undefined && well !== undefined, JSON.stringify(told))
  assert.ok(Number(out.ackAgeMs) > 0 && out.unsettledBatches > 0, JSON.stringify(out))
  assert.ok(out.bufferBytes <= 4 * 2 ** 20 && out.bufferBytes > 3 * 2 ** 20, JSON.stringify(out))
  assert.deepEqual([well.open, well.bufferBytes, well.bufferRecords, well.unsettledBatches], [false, 0, 0, 0])
  assert.deepEqual([...new Set(well.lanes.map(({ breaker, acks }) => `${breaker} ${acks}`))], ['closed 1'])
  const buffer = detailOf<{ usedBytes: number; limitBytes: number; fill: number }>(told, 'buffer')
  assert.deepEqual([buffer.usedBytes, buffer.limitBytes], [out.bufferBytes, 8 * 2 ** 20])
  assert.ok(buffer.fill > 0.35 && buffer.fill <= 0.5)
  assert.equal(detailOf<{ version: number }>(told, 'placement').version, 1)
  const metrics = await readMetrics(proxy)
  assert.equal(metrics.get('forebay_buffer_cluster_bytes{cluster="out"}'), out.bufferBytes)
  assert.equal(metrics.get('forebay_buffer_cluster_records{cluster="out"}'), out.bufferRecords)
  assert.ok(Number(metrics.get('forebay_ack_age_seconds{cluster="out"}')) > 0)
})

/** interface.md "Metrics": those of the proxy, and what was added beside them. */
const catalogue: readonly (readonly [name: string, ...labels: string[]])[] = [
  ['forebay_events_received_total', 'topic'],
  ['forebay_requests_refused_total', 'reason', 'topic'],
  ['forebay_requests_refused_bytes_total', 'reason', 'topic'],
  ['forebay_events_resent_total', 'topic'],
  ['forebay_events_outcome_total', 'topic', 'outcome', 'reason'],
  ['forebay_buffer_bytes', 'topic'],
  ['forebay_buffer_records', 'topic'],
  ['forebay_buffer_cluster_bytes', 'cluster'],
  ['forebay_buffer_cluster_records', 'cluster'],
  ['forebay_buffer_limit_bytes'],
  ['forebay_buffer_limit_records'],
  ['forebay_events_in_flight'],
  ['forebay_produce_duration_seconds', 'cluster'],
  ['forebay_batches_total', 'cluster', 'outcome'],
  ['forebay_lane_bytes', 'cluster', 'broker'],
  ['forebay_lane_breaker_state', 'cluster', 'broker', 'acks', 'state'],
  ['forebay_lane_breaker_opened_total', 'cluster', 'broker', 'acks'],
  ['forebay_ack_age_seconds', 'cluster'],
  ['forebay_placement_version'],
  ['forebay_placement_age_seconds'],
  ['forebay_placement_refused_total', 'reason'],
  ['forebay_reports_total', 'result'],
  ['forebay_topics_remade_total', 'cluster'],
  ['forebay_events_moved_total', 'topic'],
  ['forebay_http_request_duration_seconds', 'family', 'status'],
]

/** Metric → its label names, as somebody who scrapes sees them; what belongs to histograms is taken off. */
function scraped(samples: ReadonlyMap<string, number>): Map<string, Set<string>> {
  const metrics = new Map<string, Set<string>>()
  for (const sample of samples.keys()) {
    const [whole = '', labels = ''] = sample.split(/[{}]/)
    const name = whole.replace(/_(bucket|sum|count)$/, '')
    if (!name.startsWith('forebay_')) continue
    const names = metrics.get(name) ?? new Set()
    for (const [, label = ''] of labels.matchAll(/(\w+)="/g)) if (label !== 'le') names.add(label)
    metrics.set(name, names)
  }
  return metrics
}

test('/metrics has every metric of the catalogue with its labels, and no other of ours', async (context) => {
  const { topic, proxy } = await halfOutProxy(context)
  assert.equal((await postEvents(proxy, topic, '{}\n')).status, 202)
  assert.equal((await postEvents(proxy, 'out.events', '{}\n')).status, 202)
  assert.equal((await postEvents(proxy, 'no.such', '{}\n')).status, 404)
  assert.equal((await fetch(`${proxy.url}/v1/topics/${topic}/events`, { method: 'PUT' })).status, 405)
  const acked = 'forebay_batches_total{cluster="fronting-a",outcome="acked"}'
  const samples = await waitFor(
    async () => {
      const read = await readMetrics(proxy)
      return read.get(acked) === 1 ? read : undefined
    },
    { describe: 'an acknowledged batch' },
  )
  const found = scraped(samples)
  for (const [name, ...labels] of catalogue) {
    assert.deepEqual([...(found.get(name) ?? ['missing'])].sort(), labels.sort(), name)
    found.delete(name)
  }
  assert.deepEqual([...found.keys()], [])
  const outcomes = [...samples.keys()].filter((sample) =>
    sample.startsWith('forebay_batches_total{cluster="fronting-a"'),
  )
  assert.deepEqual(outcomes.map((sample) => /outcome="(\w+)"/.exec(sample)?.[1]).sort(), [
    'acked',
    'failed',
    'moved',
    'resent',
  ])
  assert.equal(samples.get('forebay_requests_refused_total{reason="unknown-topic",topic="_unknown"}'), 1)
  assert.equal(samples.get('forebay_requests_refused_total{reason="method-not-allowed"}'), 1)
  const lanes = [...samples].filter(
    ([sample, value]) => sample.startsWith('forebay_lane_breaker_state{') && value === 1,
  )
  assert.ok(
    lanes.length > 0 && lanes.every(([sample]) => sample.includes('state="closed"')),
    JSON.stringify(lanes),
  )
})
