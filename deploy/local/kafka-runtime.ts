import { existsSync } from 'node:fs'
import { classArchive, classArchiveFlags } from './class-archive.ts'
import { findJava, type Say } from './java.ts'
import { kafkaJars } from './kafka-jars.ts'

/** What a broker or a tool of Kafka is started with. */
export interface KafkaRuntime {
  readonly java: string
  /** Folder of jars. */
  readonly jars: string
  /** Flags that make every JVM of Kafka's start faster; none where that could not be prepared. */
  readonly fastStart: readonly string[]
}

let prepared: Promise<KafkaRuntime> | undefined

/** Java, Kafka's jars and the archive of its classes: found, or fetched and made once per machine. Then no network is needed. */
export function kafkaRuntime(say: Say): Promise<KafkaRuntime> {
  prepared ??= prepare(say).catch((error: unknown) => {
    prepared = undefined
    throw error
  })
  return prepared
}

async function prepare(say: Say): Promise<KafkaRuntime> {
  const [java, jars] = await Promise.all([findJava(say), kafkaJars(say)])
  const archive = await classArchive(java, jars, say)
  return { java, jars, fastStart: existsSync(archive) ? classArchiveFlags(archive) : [] }
}
