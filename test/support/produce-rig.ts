import { pino } from 'pino'
import { systemClock } from '../../src/core/clock.ts'
import { Ledger } from '../../src/core/outcome.ts'
import type { TopicPlacement } from '../../src/core/placement.ts'
import { EventBuffer } from '../../src/proxy/buffer/event-buffer.ts'
import { ClusterProducers } from '../../src/proxy/produce/cluster-producers.ts'
import { type ReadRecord, readAll } from './independent-reader.ts'
import type { Cleanup } from './temporary-folder.ts'
import { makeTopic, uniqueTopic } from './topics.ts'
import { waitFor } from './wait-for.ts'

export interface ProduceRigOptions extends Partial<Omit<TopicPlacement, 'topic'>> {
  readonly bootstrap: readonly string[]
  readonly name: string
  readonly replicas?: number
  readonly configs?: Readonly<Record<string, string>>
}

/** A topic on real Kafka with the buffer and the producers of a proxy before it, but no HTTP. */
export async function produceRig(
  owner: Cleanup,
  { bootstrap, name, replicas = 2, configs = {}, ...choices }: ProduceRigOptions,
) {
  const topic = uniqueTopic(name)
  const placement: TopicPlacement = {
    topic,
    delivery: 'fast',
    cluster: 'fronting-a',
    holders: ['fronting-a'],
    partitions: 6,
    maxEventBytes: 16 * 2 ** 20,
    check: 'structure',
    eventId: 'none',
    compression: 'none',
    mediaTypes: [],
    ...choices,
  }
  const allConfigs = { 'max.message.bytes': String(20 * 2 ** 20), ...configs }
  owner.after(await makeTopic(bootstrap, topic, { partitions: 6, replicas, configs: allConfigs }))
  const ledger = new Ledger()
  const producers = new ClusterProducers({
    clock: systemClock,
    ledger,
    logger: pino({ level: 'silent' }),
    requestTimeoutMs: 1000,
    requestTimeoutAllMs: 10_000,
    batchBytes: 262_144,
  })
  owner.after(async () => {
    await producers.drain(systemClock.monotonicMs())
  })
  producers.place({
    storeId: 'test',
    leaseTerm: 1,
    version: 1,
    clusters: [{ id: 'fronting-a', role: 'fronting', bootstrap }],
    placements: [placement],
    routes: [],
  })
  const buffer = new EventBuffer({
    limitBytes: 64 * 2 ** 20,
    batchBytes: 262_144,
    lingerMs: 5,
    deliveryTimeoutMs: 60_000,
    clock: systemClock,
    ledger,
    submit: (batch) => producers.submit(batch),
  })
  const counts = ledger.topic(topic)
  return {
    placement,
    buffer,
    counts,
    producers,
    /** Waits until every event has its outcome. */
    settled: () =>
      waitFor(() => counts.inFlight === 0, {
        describe: 'every event to have its outcome',
        state: () => counts,
      }),
    /** What acks=1 acknowledged can be read only once the followers have it. */
    read: async (count: number): Promise<ReadRecord[]> => {
      let records: ReadRecord[] = []
      await waitFor(
        async () => {
          records = await readAll(bootstrap, topic)
          return records.length >= count
        },
        { describe: `${count} records in ${topic}`, state: () => records.length },
      )
      return records
    },
  }
}
