import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Cleanup } from './temporary-folder.ts'

const pieceBytes = 2 ** 16

/** A file system of its own in memory that can be filled to the last byte. */
export class SmallDisk {
  readonly folder: string
  readonly #filler: string

  private constructor(folder: string) {
    this.folder = folder
    this.#filler = join(folder, 'filler')
  }

  /** `undefined` where this user may not mount. Unmounted after whatever `owner` stands for, even when somebody still uses it. */
  static mount(owner: Cleanup, bytes: number): SmallDisk | undefined {
    const folder = mkdtempSync(join(tmpdir(), 'forebay-disk-'))
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${bytes}`, 'tmpfs', folder], { stdio: 'ignore' })
    } catch {
      rmdirSync(folder)
      return undefined
    }
    let mounted = true
    const unmount = (): void => {
      if (!mounted) return
      mounted = false
      execFileSync('umount', ['--lazy', folder])
      rmdirSync(folder)
    }
    owner.after(unmount)
    process.once('exit', unmount)
    return new SmallDisk(folder)
  }

  /** Takes every byte that is left. */
  fill(): void {
    for (let bytes = pieceBytes; bytes >= 1; ) {
      try {
        writeFileSync(this.#filler, Buffer.alloc(bytes), { flag: 'a' })
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error
        bytes = Math.floor(bytes / 2)
      }
    }
  }

  /** Gives back what `fill` took. */
  empty(): void {
    rmSync(this.#filler, { force: true })
  }
}
