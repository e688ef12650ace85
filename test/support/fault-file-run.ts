import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { brokerFolder, brokerMemory } from './broker-disk.ts'
import type { RowFigures } from './fault-figures.ts'
import type { TestLine } from './fault-reporter.ts'

/** One run of one fault file. */
export interface FileRun {
  /** Without folder. */
  readonly file: string
  readonly tests: readonly TestLine[]
  readonly figures: readonly RowFigures[]
  readonly passed: boolean
  /** It was still running then, and was killed with everything that it had started. */
  readonly timedOut: boolean
  readonly seconds: number
}

export interface FileRunOptions {
  readonly folder: string
  readonly file: string
  readonly limitMs: number
  /** Added to the environment. */
  readonly env: Readonly<Record<string, string>>
  /** Ends the run early, as the time limit does. */
  readonly signal: AbortSignal
}

const reporter = join(import.meta.dirname, 'fault-reporter.ts')

/** Runs a file in a process group of its own; what it prints goes to our output. Never leaves a process behind. */
export async function runFile({ folder, file, limitMs, env, signal }: FileRunOptions): Promise<FileRun> {
  const own = mkdtempSync(join(tmpdir(), 'forebay-fault-run-'))
  const disk = brokerFolder(brokerMemory())
  const [linesFile, figuresFile] = [join(own, 'tests'), join(own, 'figures')]
  const startedMs = performance.now()
  const child = spawn(
    process.execPath,
    [
      // A test that failed may leave something open; its hooks have run by then.
      '--test-force-exit',
      // Of kafkajs, at every turn.
      '--disable-warning=TimeoutNegativeWarning',
      ...['--test-reporter=spec', '--test-reporter-destination=stdout'],
      ...[`--test-reporter=${reporter}`, `--test-reporter-destination=${linesFile}`, join(folder, file)],
    ],
    {
      detached: true,
      stdio: ['ignore', 'inherit', 'inherit'],
      env: { ...process.env, ...env, TEST_FAULT_FIGURES: figuresFile, TEST_BROKER_DISK: disk },
    },
  )
  let timedOut = false
  const timer = setTimeout(() => {
    timedOut = true
    killGroup(child)
  }, limitMs)
  const onAbort = (): void => killGroup(child)
  signal.addEventListener('abort', onAbort)
  try {
    const [code] = (await once(child, 'close')) as [number | null]
    // Whatever outlived the file: a proxy of a test that was cut off.
    killGroup(child)
    const tests = linesOf<TestLine>(linesFile)
    const passed = code === 0 && tests.length > 0 && tests.every(({ outcome }) => outcome !== 'failed')
    const seconds = (performance.now() - startedMs) / 1000
    return { file, tests, figures: linesOf<RowFigures>(figuresFile), passed, timedOut, seconds }
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', onAbort)
    for (const made of [own, disk]) rmSync(made, { recursive: true, force: true })
  }
}

function killGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return
  try {
    process.kill(-pid, 'SIGKILL')
  } catch (error) {
    // Nobody is left in the group.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

/** The lines of JSON of a file that may not be there; one that was cut off is left out. */
function linesOf<Line>(file: string): Line[] {
  if (!existsSync(file)) return []
  const text = readFileSync(file, 'utf8')
  return text
    .slice(0, text.lastIndexOf('\n') + 1)
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Line)
}
