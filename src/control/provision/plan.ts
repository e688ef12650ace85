import type { DeliveryClass } from '../../core/placement.ts'
import type { TopicSpec } from '../../core/resources.ts'

/** The proxy's largest batch by default: a batch of a topic is never smaller than this because of `max.message.bytes`. */
const batchBytes = 256 * 1024
/** Key and headers of a record: they come in HTTP headers, of which Node takes 16 KiB. */
const keyAndHeadersBytes = 16 * 1024
const marginBytes = 64 * 1024
const longestMs = '9223372036854775807'

/**
 * `retention.bytes`, which Kafka counts per partition. Big enough that retention by time decides in ordinary life (2 h at 2 MiB/s a
 * partition), and there so that one flooded topic cannot fill a broker's disk (faults F09).
 */
export const defaultRetentionBytes = 16 * 2 ** 30

export interface ProvisionPlan {
  readonly partitions: number
  readonly replicas: number
  readonly minInSync: number
  /** All set on the topic itself: nothing is left to a broker's defaults. */
  readonly configs: Readonly<Record<string, string>>
  /** Set when the cluster has fewer brokers than the class asks for, e.g. `replicas 1`. */
  readonly degraded?: string
}

interface ClassRule {
  readonly replicas: number
  readonly minInSync: number
  readonly uncleanElection: boolean
}

const rules: Readonly<Record<DeliveryClass, ClassRule>> = {
  fast: { replicas: 2, minInSync: 1, uncleanElection: true },
  durable: { replicas: 3, minInSync: 2, uncleanElection: false },
}

/** The largest batch that the topic takes (semantics "Records"): equal on the fronting, standby and consumer topic. */
export function maxMessageBytes(maxEventBytes: number): number {
  return Math.max(maxEventBytes + keyAndHeadersBytes, batchBytes) + marginBytes
}

/** How a topic is made on a cluster of `brokers` live brokers. Pure. */
export function planTopic(
  spec: Pick<TopicSpec, 'delivery' | 'partitions' | 'retentionMs' | 'maxEventBytes'>,
  brokers: number,
): ProvisionPlan {
  const rule = rules[spec.delivery]
  const replicas = Math.max(1, Math.min(rule.replicas, brokers))
  const minInSync = Math.min(rule.minInSync, replicas)
  return {
    partitions: spec.partitions,
    replicas,
    minInSync,
    configs: topicConfigs(spec, minInSync),
    ...(replicas < rule.replicas ? { degraded: `replicas ${replicas}` } : {}),
  }
}

/** Replicas that the class asks for where there are brokers enough. */
export function wantedReplicas(delivery: DeliveryClass): number {
  return rules[delivery].replicas
}

function topicConfigs(
  { delivery, retentionMs, maxEventBytes }: Pick<TopicSpec, 'delivery' | 'retentionMs' | 'maxEventBytes'>,
  minInSync: number,
): Readonly<Record<string, string>> {
  return {
    'cleanup.policy': 'delete',
    'compression.type': 'producer',
    'max.message.bytes': String(maxMessageBytes(maxEventBytes)),
    'message.timestamp.after.max.ms': longestMs,
    'message.timestamp.type': 'CreateTime',
    'min.insync.replicas': String(minInSync),
    'retention.bytes': String(defaultRetentionBytes),
    'retention.ms': String(retentionMs),
    'unclean.leader.election.enable': String(rules[delivery].uncleanElection),
  }
}
