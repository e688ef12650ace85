import type { ClusterAdmin } from '../../kafka/admin.ts'

export interface Drift {
  readonly name: string
  readonly from: string
  readonly to: string
}

export interface WantedConfigs {
  readonly name: string
  readonly configs: Readonly<Record<string, string>>
  /** A `max.message.bytes` of 0 is meant (see `sealValue`), and no drift. */
  readonly keepSeal: boolean
}

export const sealConfig = 'max.message.bytes'
/** A topic with it refuses every batch with MESSAGE_TOO_LARGE, by acks=1 and acks=all (semantics "Failover and failback"). */
export const sealValue = '0'

/** What differs from how topics should be, in one request for all; an error is of that topic alone. */
export async function configDrift(
  admin: ClusterAdmin,
  topics: readonly WantedConfigs[],
): Promise<ReadonlyMap<string, readonly Drift[] | Error>> {
  const keys = [...new Set(topics.flatMap(({ configs }) => Object.keys(configs)))]
  const present = await admin.topicConfigs(
    topics.map(({ name }) => name),
    keys,
  )
  return new Map(
    topics.map(({ name, configs, keepSeal }): [string, readonly Drift[] | Error] => {
      const read = present.get(name) ?? new Error(`the configs of topic ${name} were not told`)
      if (read instanceof Error) return [name, read]
      const drift = Object.entries(configs).flatMap(([key, to]) => {
        const config = read.get(key)
        // A value that only happens to be the broker's default could change behind our back.
        if (config?.value === to && config.ownToTopic) return []
        if (keepSeal && key === sealConfig && config?.value === sealValue) return []
        return [{ name: key, from: config?.value === to ? `${to} by default` : String(config?.value), to }]
      })
      return [name, drift]
    }),
  )
}
