import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { createServer } from 'node:net'
import { commandLine } from './pid-file.ts'

/** A port that somebody else listens on; the message names it, what it was for, and who holds it where that can be seen. */
export class PortTaken extends Error {
  override readonly name = 'PortTaken'
}

/** Rejects with `PortTaken` when 127.0.0.1:`port` cannot be listened on. `use` says what it is needed for, e.g. `the proxy`. */
export async function requireFreePort(port: number, use: string): Promise<void> {
  const code = await tryToListen(port)
  if (code === undefined) return
  if (code === 'EACCES')
    throw new PortTaken(`port ${port}, needed for ${use}, may not be opened by this user`)
  const holder = portHolder(port)
  throw new PortTaken(
    `port ${port}, needed for ${use}, is taken${holder === undefined ? '; see who holds it with: ss -ltnp' : ` by ${holder}`}`,
  )
}

async function tryToListen(port: number): Promise<string | undefined> {
  const server = createServer()
  const result = Promise.withResolvers<string | undefined>()
  server.once('error', (error: NodeJS.ErrnoException) => result.resolve(error.code ?? error.message))
  server.listen(port, '127.0.0.1', () => server.close(() => result.resolve(undefined)))
  return result.promise
}

/** `process 123 (java …)`, found through /proc; `undefined` where there is none, or the process belongs to another user. */
export function portHolder(port: number): string | undefined {
  const inodes = new Set(['tcp', 'tcp6'].flatMap((table) => listeningInodes(readTable(table), port)))
  if (inodes.size === 0) return undefined
  for (const pid of readdirOrNothing('/proc').filter((name) => /^\d+$/.test(name))) {
    for (const descriptor of readdirOrNothing(`/proc/${pid}/fd`)) {
      const inode = /^socket:\[(\d+)\]$/.exec(readLink(`/proc/${pid}/fd/${descriptor}`))?.[1]
      if (inode !== undefined && inodes.has(inode)) {
        return `process ${pid} (${(commandLine(Number(pid)) ?? 'unknown').slice(0, 120)})`
      }
    }
  }
  return undefined
}

const listenState = '0A'

/** The socket inodes that listen on `port`, from the text of /proc/net/tcp (proc(5)). */
export function listeningInodes(table: string, port: number): string[] {
  const wanted = port.toString(16).toUpperCase().padStart(4, '0')
  return table
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter(([, local, , state]) => local?.endsWith(`:${wanted}`) === true && state === listenState)
    .flatMap((fields) => (fields[9] === undefined ? [] : [fields[9]]))
}

function readTable(name: string): string {
  try {
    return readFileSync(`/proc/net/${name}`, 'utf8')
  } catch {
    return ''
  }
}

function readdirOrNothing(path: string): string[] {
  try {
    return readdirSync(path)
  } catch {
    return []
  }
}

function readLink(path: string): string {
  try {
    return readlinkSync(path)
  } catch {
    return ''
  }
}
