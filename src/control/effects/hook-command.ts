import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { processEnvironment } from '../../config/environment.ts'
import type { HookNews } from './hook.ts'

const shell = '/bin/sh'
/** Of what it wrote to its standard error, the end. */
const shownCharacters = 300
/** How long they are waited for after its end. */
const lastWordsMs = 200

/**
 * Runs a command line in a process group of its own, which is killed at the time limit and when we are stopped; what it leaves running
 * after it has ended is its own affair. It is told by environment variables and inherits nothing but PATH and HOME: our own environment
 * holds tokens. Rejects when it does not end with 0.
 */
export async function runCommand(
  command: string,
  { hook, cluster, standby, key }: HookNews,
  timeoutMs: number,
  stopped: AbortSignal,
): Promise<void> {
  stopped.throwIfAborted()
  const child = spawn(shell, ['-c', command], {
    detached: true,
    stdio: ['ignore', 'ignore', 'pipe'],
    env: {
      ...harmlessEnvironment(),
      FOREBAY_HOOK: hook,
      FOREBAY_CLUSTER: cluster,
      FOREBAY_STANDBY: standby,
      FOREBAY_IDEMPOTENCY_KEY: key,
    },
  })
  const errors = lastWords(child)
  const limit = AbortSignal.timeout(timeoutMs)
  const either = AbortSignal.any([stopped, limit])
  const kill = () => killGroup(child)
  either.addEventListener('abort', kill)
  try {
    const [code, signal] = (await once(child, 'exit')) as [number | null, string | null]
    stopped.throwIfAborted()
    if (limit.aborted) throw new Error(`killed: it did not end within ${timeoutMs} ms`)
    if (code !== 0) throw new Error(`it ended with ${code ?? signal}${await errors()}`)
  } catch (error) {
    stopped.throwIfAborted()
    throw new Error(`the ${hook} hook failed: ${(error as Error).message}`, { cause: error })
  } finally {
    either.removeEventListener('abort', kill)
  }
}

/** Whether the shell understands the command and finds its first word. Runs nothing of it. */
export async function checkCommand(command: string, stopped: AbortSignal): Promise<void> {
  const word = /^\s*(?:\w+=\S*\s+)*([^\s;|&<>()'"$`\\]+)/.exec(command)?.[1]
  const look = word === undefined ? '' : ' && command -v -- "$2" >/dev/null'
  const check = `${shell} -n -c "$1"${look}`
  const child = spawn(shell, ['-c', check, 'hook', command, word ?? ''], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: harmlessEnvironment(),
    signal: stopped,
  })
  const errors = lastWords(child)
  const [code] = (await once(child, 'exit')) as [number | null]
  if (code !== 0)
    throw new Error(`the hook's command cannot be run${(await errors()) || `: there is no ${word}`}`)
}

function harmlessEnvironment(): Record<string, string> {
  const { PATH, HOME } = processEnvironment()
  return { ...(PATH === undefined ? {} : { PATH }), ...(HOME === undefined ? {} : { HOME }) }
}

/** Its pipe is read on after its end, without keeping us alive: what it left running must not be stopped by a full or closed pipe. */
function lastWords(child: ChildProcess): () => Promise<string> {
  let tail = ''
  const { stderr } = child
  stderr?.setEncoding('utf8')
  stderr?.on('data', (text: string) => {
    tail = (tail + text).slice(-shownCharacters)
  })
  const ended = new Promise<void>((resolve) => stderr?.once('end', resolve))
  child.once('exit', () => (stderr as { unref?: () => void } | null)?.unref?.())
  return async () => {
    await Promise.race([ended, sleep(lastWordsMs)])
    return tail.trim() === '' ? '' : `: ${tail.trim()}`
  }
}

function killGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return
  try {
    process.kill(-pid, 'SIGKILL')
  } catch (error) {
    if ((error as { code?: string }).code !== 'ESRCH') throw error
  }
}
