/**
 * Keeps the test clusters running for a day's work: `node test/support/dev-clusters.ts [FILE]`, then in another terminal
 * `export TEST_KAFKA_CLUSTERS=FILE` (default .forebay/dev-clusters.json). Ctrl-C ends them.
 */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { ClusterSet, removeOrphanedSets } from './cluster-set.ts'

const file = resolve(process.argv[2] ?? '.forebay/dev-clusters.json')
await removeOrphanedSets()
const set = new ClusterSet()
let stopping = false
const stop = async () => {
  if (stopping) process.exit(1)
  stopping = true
  rmSync(file, { force: true })
  await set.stop()
  process.exit(0)
}
process.once('exit', () => set.killNow())
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => void stop())
const url = await set.listen()
const [fronting, consumer] = await Promise.all([set.get('fronting'), set.get('consumer')])
mkdirSync(dirname(file), { recursive: true })
writeFileSync(
  file,
  `${JSON.stringify({ pid: process.pid, url, clusters: { fronting, consumer } }, null, 2)}\n`,
)
console.log(`fronting ${fronting.bootstrap.join(',')}  consumer ${consumer.bootstrap.join(',')}  (standby on demand)
export TEST_KAFKA_CLUSTERS=${file}`)
