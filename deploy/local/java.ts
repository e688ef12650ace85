import { type SpawnOptions, spawn } from 'node:child_process'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'

/** Something that the machine lacks; the message says what to do. */
export class MissingTool extends Error {
  override readonly name = 'MissingTool'
}

/** Receives one line for people at a time. */
export type Say = (line: string) => void

const javaNeeded = 17

// Asked for by every cluster at once.
let foundJava: Promise<string> | undefined

/** Path of a `java` of version 17 or newer, installed first where that is possible (Debian-like, root). Rejects with `MissingTool`. */
export function findJava(say: Say): Promise<string> {
  foundJava ??= findOrInstall(
    'openjdk-17-jre-headless',
    'a Java runtime, version 17 or newer (java)',
    say,
    newEnoughJava,
  )
  return foundJava
}

/** Path of `mvn`, installed first where that is possible. Rejects with `MissingTool`. */
export function findMaven(say: Say): Promise<string> {
  return findOrInstall('maven', 'Apache Maven (mvn)', say, async () =>
    (await run('mvn', ['-v'])) === undefined ? undefined : 'mvn',
  )
}

async function findOrInstall(
  debianPackage: string,
  what: string,
  say: Say,
  find: () => Promise<string | undefined>,
): Promise<string> {
  const found = await find()
  if (found !== undefined) return found
  const byHand = `Install ${what}, e.g. on Debian or Ubuntu: sudo apt-get install ${debianPackage}`
  const canInstall = process.getuid?.() === 0 && (await run('apt-get', ['--version'])) !== undefined
  if (!canInstall) throw new MissingTool(`${what} is needed and was not found. ${byHand}`)
  say(`installing ${debianPackage} with apt-get…`)
  const options = { env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } }
  await run('apt-get', ['update', '-q'], options)
  await run('apt-get', ['install', '-y', '-q', '--no-install-recommends', debianPackage], options)
  const installed = await find()
  if (installed === undefined) {
    throw new MissingTool(`apt-get could not install ${debianPackage}. ${byHand}`)
  }
  return installed
}

/** JAVA_HOME first, then the PATH, then the usual folder of JVMs: a machine may have an old default beside a new one. */
async function newEnoughJava(): Promise<string | undefined> {
  const home = process.env.JAVA_HOME
  const candidates = [...(home === undefined ? [] : [join(home, 'bin', 'java')]), 'java']
  for (const candidate of candidates) if (await isNewEnough(candidate)) return candidate
  const folder = '/usr/lib/jvm'
  const installed = await readdir(folder).catch(() => [])
  for (const name of installed) {
    const candidate = join(folder, name, 'bin', 'java')
    if (await isNewEnough(candidate)) return candidate
  }
  return undefined
}

async function isNewEnough(java: string): Promise<boolean> {
  const answer = await run(java, ['-version'])
  return answer !== undefined && javaMajor(answer) >= javaNeeded
}

/** The major version in the output of `java -version`: `17.0.15` is 17, `1.8.0_392` is 8; 0 when there is none. */
export function javaMajor(output: string): number {
  const match = /version "(?:1\.)?(\d+)/.exec(output)
  return Number(match?.[1] ?? 0)
}

/** Both outputs of a command that ended with 0; `undefined` when it failed or does not exist. */
async function run(
  command: string,
  args: readonly string[],
  options: SpawnOptions = {},
): Promise<string | undefined> {
  const ended = Promise.withResolvers<string | undefined>()
  try {
    const child = spawn(command, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    const collect = (part: Buffer) => {
      output += part.toString()
    }
    child.stdout?.on('data', collect)
    child.stderr?.on('data', collect)
    child.on('error', () => ended.resolve(undefined))
    child.on('close', (code) => ended.resolve(code === 0 ? output : undefined))
  } catch {
    // A path through something that is no folder throws at once, unlike one that leads nowhere.
    ended.resolve(undefined)
  }
  return ended.promise
}
