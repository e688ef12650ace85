import type { ClusterSpec } from '../../core/resources.ts'
import type { ClusterDescription } from '../../kafka/admin.ts'
import type { ClusterAdmins } from './clusters.ts'

const session = 'broker.session.timeout.ms'
const lag = 'replica.lag.time.max.ms'
const autoCreate = 'auto.create.topics.enable'
/** What the stack and the tests run with (semantics "Failover and failback"). */
const advised: Readonly<Record<string, number>> = { [session]: 3000, [lag]: 10_000 }

/** What failover times the settings of a cluster's brokers allow, and what to set. One broker is asked: they should be alike. */
export async function failoverTimes(
  admins: ClusterAdmins,
  cluster: ClusterSpec,
  { brokers: [broker] }: ClusterDescription,
): Promise<readonly string[]> {
  if (broker === undefined || cluster.role === 'consumer') return []
  try {
    return timesOf(await admins.of(cluster).brokerConfigs(broker, [session, lag, autoCreate]))
  } catch (error) {
    return [`broker ${broker.id} does not tell its settings: ${(error as Error).message}`]
  }
}

/** Sentences. Pure. */
export function timesOf(configs: ReadonlyMap<string, string>): readonly string[] {
  const seconds = (key: string) => Math.round(Number(configs.get(key)) / 100) / 10
  const hint = (key: string) => {
    const wanted = advised[key] ?? 0
    return Number(configs.get(key)) > wanted ? `: set ${key}=${wanted}` : ''
  }
  return [
    `partitions of a broker that dies have another leader after ${seconds(session)} s${hint(session)}`,
    `a follower that hangs holds acks=all up for ${seconds(lag)} s at most${hint(lag)}`,
    ...(configs.get(autoCreate) === 'true'
      ? [`whoever asks for a topic makes it, a deleted one too: set ${autoCreate}=false`]
      : []),
  ]
}
