import { isAbsolute, join } from 'node:path'
import type { PlacementDocument, SinkSpec } from '../../src/core/placement.ts'
import { Arrivals } from '../verify/arrivals.ts'
import { FolderFollower } from '../verify/folder-follower.ts'
import { endOffsets, TopicFollower } from '../verify/kafka-reader.ts'
import { type DemoTopic, topics } from './parcels.ts'
import type { DemoPlan } from './plan.ts'

/** A sink that is being watched for the events of the run. */
export interface Place {
  readonly topic: DemoTopic
  /** `consumer cluster`, `file`. */
  readonly name: string
  readonly arrivals: Arrivals
  /** When the last missing event came. */
  completeMs: number | undefined
  /** Looks for more; Kafka pushes by itself. */
  poll(): Promise<void>
  stop(): Promise<void>
}

/** What the demo's two topics are called in this stack. */
export type TopicNames = Readonly<Record<DemoTopic, string>>

/** Watches the sinks of every running route of the demo's topics, from what is in them now. */
export async function watchPlaces(
  document: PlacementDocument,
  plan: DemoPlan,
  names: TopicNames,
  sinkFolder: (directory: string) => string,
): Promise<Place[]> {
  const places: Place[] = []
  for (const topic of topics) {
    for (const route of document.routes) {
      if (route.topic !== names[topic] || route.state !== 'running') continue
      const arrivals = new Arrivals(plan.run, plan.total, plan.wanted[topic])
      places.push(await watchSink(document, topic, route.sink, arrivals, sinkFolder))
    }
  }
  return places
}

async function watchSink(
  document: PlacementDocument,
  topic: DemoTopic,
  sink: SinkSpec,
  arrivals: Arrivals,
  sinkFolder: (directory: string) => string,
): Promise<Place> {
  const place: { completeMs: number | undefined } = { completeMs: undefined }
  const take = (event: Buffer) => {
    if (arrivals.add(event) && arrivals.complete) place.completeMs ??= performance.now()
  }
  if (sink.type === 'file') {
    const follower = new FolderFollower(sinkFolder(sink.directory), take)
    await follower.skipToEnd()
    return Object.assign(place, {
      topic,
      name: 'file',
      arrivals,
      poll: () => follower.poll(),
      stop: async () => undefined,
    })
  }
  const cluster = document.clusters.find(({ id }) => id === sink.cluster)
  if (cluster === undefined) throw new Error(`the placement has no cluster ${sink.cluster}`)
  const from = (await endOffsets(cluster.bootstrap, sink.topic)) ?? new Map<number, bigint>()
  const follower = new TopicFollower(cluster.bootstrap, sink.topic, { from, onValue: take })
  await follower.start()
  return Object.assign(place, {
    topic,
    name: `${sink.cluster} cluster`,
    arrivals,
    poll: async () => {
      if (follower.failure !== undefined) {
        throw new Error(`the reader of ${sink.cluster}/${sink.topic} gave up`, { cause: follower.failure })
      }
    },
    stop: () => follower.stop(),
  })
}

/** Where the router of the stack in `dataDir` keeps a file sink: what `stack.json` says, below it the route's directory. */
export function fileSinkFolder(
  dataDir: string,
  sinks: Readonly<Record<string, unknown>>,
): (directory: string) => string {
  const said = sinks.file
  const root =
    typeof said === 'string'
      ? said
      : typeof said === 'object' && said !== null && 'directory' in said && typeof said.directory === 'string'
        ? said.directory
        : join(dataDir, 'router')
  return (directory) => (isAbsolute(directory) ? directory : join(root, directory))
}
