import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, renameSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Cleanup, temporaryFolder } from './temporary-folder.ts'

/**
 * The wall clock of processes that are started with `env`, by libfaketime: Date, file times and SQLite see it jump, the monotonic clock
 * goes on as it was.
 */
export class FaultClock {
  readonly env: Readonly<Record<string, string>>
  readonly #file: string

  private constructor(library: string, file: string) {
    this.#file = file
    this.env = {
      LD_PRELOAD: library,
      FAKETIME_TIMESTAMP_FILE: file,
      FAKETIME_NO_CACHE: '1',
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
    }
    this.jumpTo(0)
  }

  /** `missing` says why there can be none here. As root on Debian the library is installed when it is missing. */
  static make(owner: Cleanup): FaultClock | { readonly missing: string } {
    const library = findLibrary() ?? installed()
    if (library === undefined)
      return { missing: 'libfaketime is not installed (Debian: apt-get install libfaketime)' }
    return new FaultClock(library, join(temporaryFolder(owner), 'faketime'))
  }

  /** So many seconds from the true time; 0 is the true time. */
  jumpTo(seconds: number): void {
    // Whoever reads meanwhile sees the old word or the new one.
    const next = `${this.#file}.next`
    writeFileSync(next, `${seconds < 0 ? '' : '+'}${seconds}\n`)
    renameSync(next, this.#file)
  }
}

function findLibrary(): string | undefined {
  const root = '/usr/lib'
  const folders = existsSync(root) ? readdirSync(root) : []
  const files = ['', ...folders].map((folder) => join(root, folder, 'faketime', 'libfaketimeMT.so.1'))
  return files.find((file) => existsSync(file))
}

function installed(): string | undefined {
  if (process.getuid?.() !== 0 || !existsSync('/usr/bin/apt-get')) return undefined
  const install = 'apt-get update -qq && apt-get install -qq -y --no-install-recommends libfaketime'
  try {
    // Test files run side by side, and apt does not wait for itself.
    execFileSync('flock', [join(tmpdir(), 'forebay-apt.lock'), 'sh', '-c', install], {
      stdio: 'pipe',
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    })
  } catch {
    return undefined
  }
  return findLibrary()
}
