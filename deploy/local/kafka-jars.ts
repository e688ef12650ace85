import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rename, rm } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { findMaven, type Say } from './java.ts'
import { localFile } from './package-files.ts'

let fetched: Promise<string> | undefined

/**
 * Folder with the jars of Kafka, fetched once by Maven and used without a network from then on. The folder's name holds a digest of
 * pom.xml, so that another version gets another folder. Two processes may fetch at once: the later rename loses and is thrown away.
 */
export function kafkaJars(say: Say): Promise<string> {
  fetched ??= fetchJars(say).catch((error: unknown) => {
    fetched = undefined
    throw error
  })
  return fetched
}

async function fetchJars(say: Say): Promise<string> {
  const pom = localFile('pom.xml')
  const digest = createHash('sha256')
    .update(await readFile(pom))
    .digest('hex')
    .slice(0, 12)
  const cache = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'forebay')
  const folder = join(cache, `kafka-4.3.0-${digest}`)
  if (existsSync(folder)) return folder
  const maven = await findMaven(say)
  await mkdir(cache, { recursive: true })
  const partial = await mkdtemp(join(cache, 'fetching-'))
  const startedMs = performance.now()
  const seconds = () => `${Math.round((performance.now() - startedMs) / 1000)} s`
  say('fetching Apache Kafka 4.3.0 from Maven (54 MB, once)…')
  const progress = setInterval(() => say(`still fetching Kafka (${seconds()})…`), 5000)
  try {
    await copyDependencies(maven, pom, partial)
    await rename(partial, folder).catch((error: unknown) => {
      if (!existsSync(folder)) throw error
    })
    say(`Kafka is in ${folder} (${seconds()})`)
    return folder
  } finally {
    clearInterval(progress)
    await rm(partial, { recursive: true, force: true })
  }
}

async function copyDependencies(maven: string, pom: string, folder: string): Promise<void> {
  const args = [
    '-q',
    '-B',
    '-f',
    pom,
    '-Daether.connector.basic.threads=16',
    'dependency:copy-dependencies',
    `-DoutputDirectory=${folder}`,
  ]
  const child = spawn(maven, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  const collect = (part: Buffer) => {
    output = (output + part.toString()).slice(-4000)
  }
  child.stdout.on('data', collect)
  child.stderr.on('data', collect)
  const ended = Promise.withResolvers<number | null>()
  child.on('error', ended.reject)
  child.on('close', ended.resolve)
  const code = await ended.promise
  if (code !== 0) throw new Error(`Maven could not fetch Kafka (exit ${code}):\n${output.trim()}`)
}
