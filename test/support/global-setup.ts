import { rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ClusterSet, removeOrphanedSets } from './cluster-set.ts'

let owned: { set: ClusterSet; file: string } | undefined

/** One set of clusters for the whole run; its test processes find them through the environment that they inherit. */
export async function globalSetup(): Promise<void> {
  if (process.env.TEST_KAFKA_CLUSTERS !== undefined) return
  await removeOrphanedSets()
  const set = new ClusterSet()
  const file = join(tmpdir(), `forebay-test-kafka-${process.pid}.json`)
  owned = { set, file }
  process.once('exit', () => {
    set.killNow()
    rmSync(file, { force: true })
  })
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))
  writeFileSync(file, JSON.stringify({ url: await set.listen() }))
  process.env.TEST_KAFKA_CLUSTERS = file
  // They start while the first tests run; who asks for one waits for it and gets its error.
  for (const name of ['fronting', 'consumer'] as const) set.get(name).catch(() => undefined)
}

export async function globalTeardown(): Promise<void> {
  await owned?.set.stop()
  if (owned !== undefined) rmSync(owned.file, { force: true })
}
