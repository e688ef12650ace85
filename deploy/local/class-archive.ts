import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { probeBroker } from '../../src/kafka/cluster-probe.ts'
import { brokerSettings, propertiesText } from './broker-settings.ts'
import type { Say } from './java.ts'

const deadlineMs = 60_000

/**
 * Path of the archive of Kafka's parsed classes (class data sharing, JEP 350) beside the jars. It spares every broker about 2 of its 5
 * seconds of CPU at the start, which is most of the stack's start. Made once, by a short life of one broker. Best effort: after a failure
 * the path names nothing, and is not tried again. A JVM that the archive does not fit starts without it.
 */
export async function classArchive(java: string, jars: string, say: Say): Promise<string> {
  const archive = `${jars}.jsa`
  const failed = `${jars}.no-jsa`
  if (existsSync(archive) || existsSync(failed)) return archive
  say('preparing Kafka for fast starts (once)…')
  const folder = await mkdtemp(join(tmpdir(), 'forebay-archive-'))
  const partial = join(dirname(jars), `making-${process.pid}.jsa`)
  try {
    await liveShortly(java, jars, folder, partial)
    await rename(partial, archive)
  } catch (error) {
    await writeFile(failed, `${(error as Error).message}\n`)
    say(`that did not work (${(error as Error).message}): Kafka starts a little slower`)
  } finally {
    await rm(folder, { recursive: true, force: true })
    await rm(partial, { force: true })
  }
  return archive
}

/** Uses the archive where it fits, silently does without where it does not. */
export function classArchiveFlags(archive: string): string[] {
  return ['-Xshare:auto', `-XX:SharedArchiveFile=${archive}`]
}

async function liveShortly(java: string, jars: string, folder: string, archive: string): Promise<void> {
  const [port, controllerPort] = [await unusedPort(), await unusedPort()]
  const dataDirectory = join(folder, 'data')
  const settings = brokerSettings({ id: 1, brokers: [{ port, controllerPort }], dataDirectory, extra: {} })
  const properties = join(folder, 'server.properties')
  await writeFile(properties, propertiesText(settings))
  const run = (flags: readonly string[], ...main: readonly string[]): ChildProcess => {
    const common = [
      '-XX:+UseSerialGC',
      '-XX:TieredStopAtLevel=1',
      '-Dorg.slf4j.simpleLogger.defaultLogLevel=error',
    ]
    return spawn(java, [...common, ...flags, '-cp', join(jars, '*'), ...main], {
      stdio: 'ignore',
      detached: true,
    })
  }
  const format = run(
    [],
    'kafka.tools.StorageTool',
    'format',
    '-t',
    'AAAAAAAAAAAAAAAAAAAAAA',
    '-c',
    properties,
  )
  if ((await exitOf(format)) !== 0) throw new Error('a data folder could not be formatted')
  const broker = run([`-XX:ArchiveClassesAtExit=${archive}`], 'kafka.Kafka', properties)
  const killNow = () => broker.kill('SIGKILL')
  process.once('exit', killNow)
  try {
    const ended = exitOf(broker)
    await untilReady(`127.0.0.1:${port}`, broker)
    broker.kill('SIGTERM')
    await ended
  } finally {
    process.off('exit', killNow)
    killNow()
  }
}

/** The coordinators too: making their topics loads the classes that every cluster needs. */
async function untilReady(address: string, broker: ChildProcess): Promise<void> {
  const endsAtMs = performance.now() + deadlineMs
  while (performance.now() < endsAtMs && broker.exitCode === null) {
    const view = await probeBroker(address, { deadlineMs: 2000, coordinators: true }).catch(() => undefined)
    if (view?.coordinators === true) return
    await sleep(100)
  }
  throw new Error('its broker was not ready in time')
}

async function exitOf(child: ChildProcess): Promise<number | null> {
  const ended = Promise.withResolvers<number | null>()
  const timer = setTimeout(() => child.kill('SIGKILL'), 2 * deadlineMs)
  child.once('error', ended.reject)
  child.once('exit', (code) => ended.resolve(code))
  try {
    return await ended.promise
  } finally {
    clearTimeout(timer)
  }
}

async function unusedPort(): Promise<number> {
  const server = createServer()
  const listening = Promise.withResolvers<number>()
  server.once('error', listening.reject)
  server.listen(0, '127.0.0.1', () => {
    const address = server.address()
    server.close(() => listening.resolve(typeof address === 'object' && address !== null ? address.port : 0))
  })
  return listening.promise
}
