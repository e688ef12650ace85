import { mkdir, open, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'

/**
 * Keeps two processes of one machine from writing the same files: a file with the owner's process id. One that a killed process left
 * behind is taken over. It does not reach across machines: a shared directory needs one router only.
 */
export class DirectoryLock {
  readonly #directory: string
  readonly #file: string
  #held = false

  constructor(directory: string, topic: string) {
    this.#directory = directory
    this.#file = join(directory, `.${topic}.lock`)
  }

  /** Rejects while another process that is alive holds it. */
  async take(): Promise<void> {
    if (this.#held) return
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
    this.#held = true
  }

  async release(): Promise<void> {
    if (!this.#held) return
    this.#held = false
    await rm(this.#file, { force: true })
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
