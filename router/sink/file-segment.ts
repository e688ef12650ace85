import { type FileHandle, mkdir, open, readdir } from 'node:fs/promises'
import { join } from 'node:path'

const newline = 0x0a
const scanBytes = 64 * 1024

/** One NDJSON file that grows: `<topic>-<number>.ndjson`. Not for several writers. */
export class FileSegment {
  readonly number: number
  readonly #handle: FileHandle
  #size: number
  #dirty = false

  private constructor(number: number, handle: FileHandle, size: number) {
    this.number = number
    this.#handle = handle
    this.#size = size
  }

  /** Bytes of whole lines. */
  get size(): number {
    return this.#size
  }

  /**
   * Opens the last file of the topic, or makes the first. What follows its last line end is cut off: a process that was killed in the
   * middle of a line had not committed it, so the line comes again.
   */
  static async openLast(directory: string, topic: string): Promise<FileSegment> {
    await mkdir(directory, { recursive: true })
    const number = await lastNumber(directory, topic)
    if (number === undefined) return FileSegment.create(directory, topic, 1)
    const handle = await open(join(directory, segmentName(topic, number)), 'r+')
    try {
      const size = await sizeOfWholeLines(handle)
      await handle.truncate(size)
      return new FileSegment(number, handle, size)
    } catch (error) {
      await handle.close()
      throw error
    }
  }

  /** The file must not exist. Its name survives a crash once this resolves. */
  static async create(directory: string, topic: string, number: number): Promise<FileSegment> {
    const handle = await open(join(directory, segmentName(topic, number)), 'wx+')
    try {
      await syncFolder(directory)
    } catch (error) {
      await handle.close()
      throw error
    }
    return new FileSegment(number, handle, 0)
  }

  /** Whole lines. After an error the next append overwrites what was written of these. */
  async append(lines: Buffer): Promise<void> {
    this.#dirty = true
    let written = 0
    while (written < lines.length) {
      const { bytesWritten } = await this.#handle.write(
        lines,
        written,
        lines.length - written,
        this.#size + written,
      )
      written += bytesWritten
    }
    this.#size += lines.length
  }

  /** What was appended before the call is on the disk when it resolves. */
  async flush(): Promise<void> {
    if (!this.#dirty) return
    this.#dirty = false
    try {
      await this.#handle.datasync()
    } catch (error) {
      this.#dirty = true
      throw error
    }
  }

  /** Cuts off what a failed append may have left behind the last whole line. */
  async close(): Promise<void> {
    try {
      await this.#handle.truncate(this.#size)
      await this.flush()
    } finally {
      await this.#handle.close()
    }
  }
}

export function segmentName(topic: string, number: number): string {
  return `${topic}-${number}.ndjson`
}

async function lastNumber(directory: string, topic: string): Promise<number | undefined> {
  let last: number | undefined
  for (const name of await readdir(directory)) {
    if (!name.startsWith(`${topic}-`)) continue
    const number = Number(/^(\d{1,15})\.ndjson$/.exec(name.slice(topic.length + 1))?.[1])
    if (number > (last ?? 0)) last = number
  }
  return last
}

/** Looked for from the end, so that a large file costs no more than its last line. */
async function sizeOfWholeLines(handle: FileHandle): Promise<number> {
  const { size } = await handle.stat()
  const buffer = Buffer.allocUnsafe(scanBytes)
  let end = size
  while (end > 0) {
    const start = Math.max(0, end - scanBytes)
    const { bytesRead } = await handle.read(buffer, 0, end - start, start)
    const found = buffer.subarray(0, bytesRead).lastIndexOf(newline)
    if (found >= 0) return start + found + 1
    end = start
  }
  return 0
}

async function syncFolder(directory: string): Promise<void> {
  const handle = await open(directory, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
