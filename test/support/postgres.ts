import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { freePort } from './free-port.ts'
import type { Cleanup } from './temporary-folder.ts'
import { waitFor } from './wait-for.ts'

const oldestMajor = 15
/** Debian's `nobody`: PostgreSQL refuses to run as root. */
const nobody = 65_534

/**
 * Where `initdb` and `postgres` are, or the sentence why there are none. On Debian, as root, PostgreSQL is installed when it is missing:
 * a clean machine of the CI has none.
 */
export function postgresBinaries(): { readonly folder: string } | { readonly missing: string } {
  const found = findBinaries()
  if (found !== undefined) return { folder: found }
  if (process.getuid?.() !== 0 || !existsSync('/usr/bin/apt-get')) {
    return {
      missing: `PostgreSQL ${oldestMajor} or newer is not installed (Debian: apt-get install postgresql)`,
    }
  }
  // Test files run side by side, and apt does not wait for itself.
  const install = 'apt-get update -qq && apt-get install -qq -y --no-install-recommends postgresql'
  try {
    execFileSync('flock', [join(tmpdir(), 'forebay-apt.lock'), 'sh', '-c', install], {
      stdio: 'pipe',
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    })
  } catch (error) {
    return { missing: `PostgreSQL is not installed, and apt-get could not: ${(error as Error).message}` }
  }
  const folder = findBinaries()
  return folder === undefined
    ? { missing: `apt-get installs a PostgreSQL older than ${oldestMajor}` }
    : { folder }
}

function findBinaries(): string | undefined {
  const root = '/usr/lib/postgresql'
  const majors = existsSync(root) ? readdirSync(root).map(Number) : []
  const newest = majors.filter((major) => major >= oldestMajor).sort((a, b) => b - a)
  const folders = [...newest.map((major) => join(root, String(major), 'bin')), ...pathFolders()]
  return folders.find((folder) => existsSync(join(folder, 'initdb')) && existsSync(join(folder, 'postgres')))
}

function pathFolders(): string[] {
  return (process.env.PATH ?? '').split(':').filter((folder) => folder !== '')
}

/** A PostgreSQL server of a test's own, in a temporary folder and on a port of its own; stopped and deleted afterwards. */
export class PostgresServer {
  readonly port: number
  readonly #bin: string
  readonly #folder: string
  readonly #user: { uid: number; gid: number } | undefined
  #child: ChildProcess | undefined
  #output = ''
  #isPaused = false

  private constructor(bin: string, folder: string, port: number) {
    this.#bin = bin
    this.#folder = folder
    this.port = port
    this.#user = process.getuid?.() === 0 ? { uid: nobody, gid: nobody } : undefined
  }

  static async start(owner: Cleanup, bin: string): Promise<PostgresServer> {
    const folder = mkdtempSync(join(tmpdir(), 'forebay-postgres-'))
    const server = new PostgresServer(bin, folder, await freePort())
    owner.after(async () => {
      await server.stop('SIGQUIT')
      rmSync(folder, { recursive: true, force: true })
    })
    process.once('exit', () => server.#child?.kill('SIGKILL'))
    server.initialise()
    await server.start()
    return server
  }

  /** `database` is made when it is not there. */
  async url(database: string): Promise<string> {
    const client = new pg.Client({ connectionString: this.#url('postgres') })
    await client.connect()
    try {
      const { rowCount } = await client.query('SELECT 1 FROM pg_database WHERE datname = $1', [database])
      if (rowCount === 0) await client.query(`CREATE DATABASE "${database}"`)
    } finally {
      await client.end()
    }
    return this.#url(database)
  }

  /** Runs one statement as somebody beside us. */
  async query(database: string, statement: string): Promise<readonly Record<string, unknown>[]> {
    const client = new pg.Client({ connectionString: this.#url(database) })
    await client.connect()
    try {
      return (await client.query(statement)).rows
    } finally {
      await client.end()
    }
  }

  /** A server without data, in place of what there was. */
  initialise(): void {
    const data = this.#data
    rmSync(data, { recursive: true, force: true })
    mkdirSync(data, { recursive: true, mode: 0o700 })
    chmodSync(this.#folder, 0o755)
    if (this.#user !== undefined) chownSync(data, this.#user.uid, this.#user.gid)
    const options = ['-D', data, '-A', 'trust', '-U', 'app', '--no-sync', '-E', 'UTF8', '--locale', 'C.UTF-8']
    execFileSync(join(this.#bin, 'initdb'), options, { stdio: 'pipe', cwd: data, ...this.#user })
  }

  async start(): Promise<void> {
    const settings = [
      'listen_addresses=127.0.0.1',
      `unix_socket_directories=${this.#data}`,
      'shared_buffers=16MB',
      // Tests kill processes, not the machine; a start after a crash would first sync every file.
      'fsync=off',
      'jit=off',
    ]
    const args = [
      '-D',
      this.#data,
      '-p',
      String(this.port),
      ...settings.flatMap((setting) => ['-c', setting]),
    ]
    const child = spawn(join(this.#bin, 'postgres'), args, {
      cwd: this.#data,
      stdio: ['ignore', 'pipe', 'pipe'],
      ...this.#user,
    })
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        this.#output += text
      })
    }
    this.#child = child
    await waitFor(
      async () => {
        if (child.exitCode !== null) throw new Error(`postgres ended with ${child.exitCode}`)
        return (await this.query('postgres', 'SELECT 1')).length === 1
      },
      { describe: `PostgreSQL on port ${this.port}`, state: () => this.#output },
    )
  }

  /** Nothing answers, and connections stay open, until `resume`. */
  pause(): void {
    this.#isPaused = true
    this.#signalAll('SIGSTOP')
  }

  resume(): void {
    this.#isPaused = false
    this.#signalAll('SIGCONT')
  }

  /** SIGINT ends all connections; SIGQUIT is a crash. */
  async stop(signal: 'SIGINT' | 'SIGQUIT' = 'SIGINT'): Promise<void> {
    const child = this.#child
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    if (this.#isPaused) this.resume()
    this.#child = undefined
    const ended = once(child, 'exit')
    child.kill(signal)
    await ended
  }

  #signalAll(signal: NodeJS.Signals): void {
    const pid = this.#child?.pid
    if (pid === undefined) throw new Error('PostgreSQL does not run')
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean)
    for (const each of [pid, ...children.map(Number)]) {
      try {
        process.kill(each, signal)
      } catch (error) {
        // One that ended since it was listed.
        if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
      }
    }
  }

  get #data(): string {
    return join(this.#folder, 'data')
  }

  #url(database: string): string {
    return `postgres://app@127.0.0.1:${this.port}/${database}`
  }
}
