import { mkdir, open, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'

/** Locks of this process. */
const held = new Set<string>()

/**
 * Keeps two processes of one machine from writing the same files: a file with the owner's process id. One that a killed process left
 * behind is taken over. Within one process a sink that is still being closed keeps its successor waiting. It does not reach across
 * machines: a shared directory needs one router only.
 */
export class DirectoryLock {
  readonly #directory: string
  readonly #file: string
  #held = false

  constructor(directory: string, topic: string) {
    this.#directory = directory
    this.#file = join(directory, `.${topic}.lock`)
  }

  /** Rejects while another process that is alive, or another sink of this one, holds it. */
  async take(): Promise<void> {
    if (this.#held) return
    if (held.has(this.#file)) throw new Error(`${this.#file} is held by another sink of this router`)
    held.add(this.#file)
    try {
      await this.#takeFile()
      this.#held = true
    } finally {
      if (!this.#held) held.delete(this.#file)
    }
  }

  async release(): Promise<void> {
    if (!this.#held) return
    this.#held = false
    try {
      await rm(this.#file, { force: true })
    } finally {
      held.delete(this.#file)
    }
  }

  async #takeFile(): Promise<void> {
    await mkdir(this.#directory, { recursive: true })
    const owner = await this.#owner()
    if (owner !== undefined) {
      if (owner !== process.pid && isAlive(owner)) {
        throw new Error(`${this.#file} is held by process ${owner}: two routers must not write one directory`)
      }
      await rm(this.#file, { force: true })
    }
    const handle = await open(this.#file, 'wx')
    try {
      await handle.writeFile(String(process.pid))
    } finally {
      await handle.close()
    }
  }

  async #owner(): Promise<number | undefined> {
    try {
      return Number(await readFile(this.#file, 'utf8'))
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
      throw error
    }
  }
}

function isAlive(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
