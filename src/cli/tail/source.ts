import type { PlacedCluster, PlacementDocument } from '../../core/placement.ts'
import { CommandFailure } from '../failure.ts'

/** A topic of one Kafka cluster. */
export interface TailSource {
  readonly cluster: PlacedCluster
  /** The name it has there. */
  readonly topic: string
}

/**
 * Where to read a topic: in the asked cluster, else where its readers read (the sink of its first kafka route), else in its fronting
 * cluster. Throws `CommandFailure` when the topic or cluster is not known.
 */
export function findSource(document: PlacementDocument, topic: string, asked?: string): TailSource {
  const placed = document.placements.find((placement) => placement.topic === topic)
  if (placed === undefined) {
    throw new CommandFailure(`there is no topic ${topic}`, { advice: 'See: forebay topic list' })
  }
  const sinks = document.routes.flatMap(({ topic: routed, sink }) =>
    routed === topic && sink.type === 'kafka' ? [sink] : [],
  )
  const sink = asked === undefined ? sinks[0] : sinks.find(({ cluster }) => cluster === asked)
  const id = asked ?? sink?.cluster ?? placed.cluster
  const cluster = document.clusters.find((known) => known.id === id)
  if (cluster === undefined) {
    throw new CommandFailure(`there is no cluster ${id}`, {
      advice: `Known clusters: ${document.clusters.map((known) => known.id).join(', ')}`,
    })
  }
  return { cluster, topic: sink?.topic ?? topic }
}
