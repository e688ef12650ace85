import { createHash } from 'node:crypto'
import { mkdir, open, readFile, rename, unlink } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { PlacementDocument } from '../core/placement.ts'
import { checkPlacementDocument } from './document.ts'

export type SnapshotRead =
  | { readonly kind: 'absent' }
  | { readonly kind: 'loaded'; readonly document: PlacementDocument }
  /** Not believed; the file was moved to `keptAs` for a person to look at. */
  | { readonly kind: 'corrupt'; readonly reason: string; readonly keptAs: string }

/**
 * The last placement on disk, so that a process can start while the control plane is away (faults F16). One line with the SHA-256 of
 * what follows, then the document as JSON. One process writes a file; concurrent `save`s of that process are the caller's to avoid.
 */
export class PlacementSnapshot {
  readonly file: string

  constructor(file: string) {
    this.file = file
  }

  /** Errors other than "there is no such file" (permissions, a directory in its place) are thrown. */
  async load(): Promise<SnapshotRead> {
    let text: string
    try {
      text = await readFile(this.file, 'utf8')
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { kind: 'absent' }
      throw error
    }
    const read = readSnapshot(text)
    if (read.ok) return { kind: 'loaded', document: read.document }
    const keptAs = `${this.file}.corrupt`
    await rename(this.file, keptAs)
    return { kind: 'corrupt', reason: read.reason, keptAs }
  }

  /**
   * Resolves when the document would survive a power cut: written beside, synced, renamed over the old one, and the folder synced. A
   * reader sees the old file or the new one, never a part.
   */
  async save(document: PlacementDocument): Promise<void> {
    const folder = dirname(this.file)
    await mkdir(folder, { recursive: true })
    const beside = `${this.file}.${process.pid}.tmp`
    const handle = await open(beside, 'w', 0o600)
    try {
      await handle.writeFile(writeSnapshot(document))
      await handle.sync()
    } finally {
      await handle.close()
    }
    await rename(beside, this.file)
    await syncFolder(folder)
  }

  /** Forgets the last placement, so that one of another store is taken (`--fresh`). */
  async remove(): Promise<void> {
    try {
      await unlink(this.file)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    }
  }
}

function writeSnapshot(document: PlacementDocument): string {
  const body = JSON.stringify(document)
  return `forebay-placement 1 sha256 ${digest(body)}\n${body}\n`
}

function readSnapshot(text: string): ReturnType<typeof checkPlacementDocument> {
  const header = /^forebay-placement 1 sha256 ([0-9a-f]{64})\n/.exec(text)
  if (header?.[1] === undefined) return { ok: false, reason: 'the first line is not that of a snapshot' }
  const body = text.slice(header[0].length).replace(/\n$/, '')
  if (digest(body) !== header[1]) return { ok: false, reason: 'the checksum does not match' }
  try {
    return checkPlacementDocument(JSON.parse(body))
  } catch (error) {
    return { ok: false, reason: `not JSON: ${(error as Error).message}` }
  }
}

function digest(body: string): string {
  return createHash('sha256').update(body).digest('hex')
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
