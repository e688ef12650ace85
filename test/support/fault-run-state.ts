import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { UsageError } from '../../src/cli/failure.ts'
import type { FileRun } from './fault-file-run.ts'

interface State {
  /** By file; of the last run of this length. */
  runs: Record<string, FileRun[]>
  /** What each file took when it last passed, for the estimate of what is left. */
  seconds: Record<string, number>
}

/** What an interrupted run has done, on disk after every file; short and long runs apart. */
export class FaultRunState {
  readonly #path: string
  readonly #length: 'short' | 'long'
  readonly #all: Partial<Record<'short' | 'long', State>>
  readonly #state: State

  /** `resume`: what is there counts; otherwise only what it says of durations. */
  constructor(path: string, { short, resume }: { readonly short: boolean; readonly resume: boolean }) {
    this.#path = path
    this.#length = short ? 'short' : 'long'
    this.#all = read(path)
    const { runs = {}, seconds = {} } = this.#all[this.#length] ?? {}
    this.#state = { runs: resume ? runs : {}, seconds }
    this.#all[this.#length] = this.#state
  }

  add(run: FileRun): void {
    this.#state.runs[run.file] = [...this.runsOf(run.file), run]
    if (run.passed) this.#state.seconds[run.file] = run.seconds
    mkdirSync(dirname(this.#path), { recursive: true })
    writeFileSync(`${this.#path}.new`, JSON.stringify(this.#all))
    renameSync(`${this.#path}.new`, this.#path)
  }

  runsOf(file: string): readonly FileRun[] {
    return this.#state.runs[file] ?? []
  }

  passedOf(file: string): number {
    return this.runsOf(file).filter(({ passed }) => passed).length
  }

  /** A guess where the file never passed. */
  secondsOf(file: string): number {
    return this.#state.seconds[file] ?? (this.#length === 'short' ? 25 : 60)
  }
}

function read(path: string): Partial<Record<'short' | 'long', State>> {
  if (!existsSync(path)) return {}
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as Partial<Record<'short' | 'long', State>>
  } catch (error) {
    throw new UsageError(`${path} is broken; delete it: ${(error as Error).message}`, { cause: error })
  }
}
