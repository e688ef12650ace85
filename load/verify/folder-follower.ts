import { open, readdir } from 'node:fs/promises'
import { join } from 'node:path'

/**
 * Reads the lines of a folder of growing NDJSON files (the file sink: one line an event, rotated files stay): each `poll` hands over
 * the whole lines that have come since the last one.
 */
export class FolderFollower {
  readonly #folder: string
  readonly #onLine: (line: Buffer) => void
  /** File (by inode, as a rotation may rename it) → bytes handed over. */
  readonly #read = new Map<number, number>()

  constructor(folder: string, onLine: (line: Buffer) => void) {
    this.#folder = folder
    this.#onLine = onLine
  }

  /** Makes the lines that are there now count as read, without looking at them. */
  async skipToEnd(): Promise<void> {
    for (const file of await this.#files()) {
      await using handle = await open(file)
      const { ino, size } = await handle.stat()
      this.#read.set(ino, size)
    }
  }

  async poll(): Promise<void> {
    for (const file of await this.#files()) await this.#readOn(file)
  }

  async #files(): Promise<string[]> {
    try {
      const entries = await readdir(this.#folder, { recursive: true, withFileTypes: true })
      return entries
        .filter((entry) => entry.isFile())
        .map((entry) => join(entry.parentPath, entry.name))
        .sort()
    } catch (error) {
      // The sink makes it with its first record.
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
      throw error
    }
  }

  async #readOn(file: string): Promise<void> {
    await using handle = await open(file)
    const { ino, size } = await handle.stat()
    let at = this.#read.get(ino) ?? 0
    const piece = Buffer.allocUnsafe(Math.min(2 ** 22, Math.max(0, size - at)))
    while (at < size) {
      const { bytesRead } = await handle.read(piece, 0, piece.length, at)
      const taken = this.#lines(piece.subarray(0, bytesRead))
      if (taken === 0) break
      at += taken
    }
    this.#read.set(ino, at)
  }

  /** Hands over whole lines; returns their bytes, line breaks included. */
  #lines(bytes: Buffer): number {
    let start = 0
    for (let end = bytes.indexOf(10); end !== -1; end = bytes.indexOf(10, start)) {
      this.#onLine(bytes.subarray(start, end))
      start = end + 1
    }
    return start
  }
}
