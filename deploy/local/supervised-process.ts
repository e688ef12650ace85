import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, existsSync, mkdirSync, openSync, readFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { endOrphan, removePidFile, sendSignal, writePidFile } from './pid-file.ts'
import { tail } from './tail.ts'

const firstDelayMs = 500
const longestDelayMs = 30_000
const stableAfterMs = 60_000

/** Waiting time before start number `failures` + 1: doubles from 0.5 s to 30 s. */
export function restartDelayMs(failures: number): number {
  return Math.min(longestDelayMs, firstDelayMs * 2 ** Math.max(0, failures - 1))
}

/** How many failures in a row count after one more; a process that ran for a minute starts over. */
export function nextFailures(failures: number, ranForMs: number): number {
  return ranForMs >= stableAfterMs ? 1 : failures + 1
}

export interface ProcessDeath {
  readonly pid: number | undefined
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly restartInMs: number
  readonly logTail: string
}

export interface SupervisedProcessOptions {
  readonly name: string
  /** Arguments of `process.execPath`. One of them must be `marker`. */
  readonly args: readonly string[]
  /** A text that only this process has in its command line; see `PidRecord`. */
  readonly marker: string
  readonly logFile: string
  readonly pidFile: string
  /** Its base URL, asked for /readyz. */
  readonly url: string
  /** It ended by itself and will be started again. */
  readonly onDeath: (death: ProcessDeath) => void
  /** It is ready again after a restart. */
  readonly onRestarted: () => void
}

/** One Forebay process of the stack: restarted with back-off when it dies, until `stop`. */
export class SupervisedProcess {
  readonly name: string
  readonly #options: SupervisedProcessOptions
  #child: ChildProcess | undefined
  #exited: Promise<void> = Promise.resolve()
  #startedAtMs = 0
  #failures = 0
  #supervised = false
  readonly #stopping = new AbortController()

  constructor(options: SupervisedProcessOptions) {
    this.name = options.name
    this.#options = options
  }

  get pid(): number | undefined {
    return this.#child?.pid
  }

  /** Starts it and settles when it is up (`/livez`); rejects with the end of its log when it dies first. Until then it is not restarted. */
  async start(deadlineMs: number): Promise<void> {
    this.#launch()
    await this.#until('/livez', deadlineMs)
  }

  /** Settles when `/readyz` says so. From then on a death is answered with a restart. */
  async ready(deadlineMs: number): Promise<void> {
    await this.#until('/readyz', deadlineMs)
    this.#supervised = true
  }

  /** SIGTERM, SIGKILL after `graceMs`; it is not started again. */
  async stop(graceMs: number): Promise<void> {
    this.#stopping.abort()
    const pid = this.#child?.pid
    if (pid === undefined) return
    sendSignal(pid, 'SIGCONT')
    sendSignal(pid, 'SIGTERM')
    const timer = setTimeout(() => this.killNow(), graceMs)
    await this.#exited
    clearTimeout(timer)
  }

  /** SIGKILL without waiting. */
  killNow(): void {
    this.#stopping.abort()
    if (this.#child?.pid !== undefined) sendSignal(this.#child.pid, 'SIGKILL')
  }

  /** Ends the process that a stack killed with -9 left behind; returns its pid. */
  endOrphan(graceMs: number): Promise<number | undefined> {
    return endOrphan(this.#options.pidFile, graceMs)
  }

  logTail(lines = 20): string {
    const { logFile } = this.#options
    return existsSync(logFile) ? tail(readFileSync(logFile, 'utf8'), lines) : '(no log yet)'
  }

  #launch(): void {
    const { args, logFile, pidFile, marker } = this.#options
    mkdirSync(dirname(logFile), { recursive: true })
    const log = openSync(logFile, 'a')
    const exited = Promise.withResolvers<void>()
    // A process group of its own: a Ctrl-C in the terminal reaches the stack only, which stops everything in order.
    const child = spawn(process.execPath, [...args], { detached: true, stdio: ['ignore', log, log] })
    closeSync(log)
    this.#child = child
    this.#exited = exited.promise
    this.#startedAtMs = performance.now()
    if (child.pid !== undefined) writePidFile(pidFile, { pid: child.pid, marker })
    child.once('error', () => exited.resolve())
    child.once('exit', (code, signal) => {
      this.#child = undefined
      removePidFile(pidFile)
      exited.resolve()
      if (this.#supervised && !this.#stopping.signal.aborted) this.#died(child.pid, code, signal)
    })
  }

  #died(pid: number | undefined, code: number | null, signal: NodeJS.Signals | null): void {
    this.#failures = nextFailures(this.#failures, performance.now() - this.#startedAtMs)
    const restartInMs = restartDelayMs(this.#failures)
    this.#options.onDeath({ pid, code, signal, restartInMs, logTail: this.logTail(5) })
    this.#restart(restartInMs).catch(() => {
      // Stopped meanwhile, or it died again: then the next death has been reported and restarts it.
    })
  }

  async #restart(delayMs: number): Promise<void> {
    await sleep(delayMs, undefined, { signal: this.#stopping.signal })
    this.#launch()
    await this.#until('/readyz', Number.POSITIVE_INFINITY)
    this.#options.onRestarted()
  }

  async #until(path: '/livez' | '/readyz', deadlineMs: number): Promise<void> {
    const child = this.#child
    const endsAtMs = performance.now() + deadlineMs
    let last = 'no answer yet'
    while (performance.now() < endsAtMs) {
      if (this.#stopping.signal.aborted) throw new Error(`${this.name} was stopped`)
      if (child === undefined || this.#child !== child) {
        throw new Error(
          `${this.name} ended at its start. The end of ${this.#options.logFile}:\n${this.logTail()}`,
        )
      }
      try {
        const response = await fetch(`${this.#options.url}${path}`, { signal: AbortSignal.timeout(2000) })
        if (response.ok) return
        last = `${response.status} ${await response.text()}`
      } catch (error) {
        last = `${(error as Error).message} ${String((error as Error).cause ?? '')}`.trim()
      }
      await sleep(100)
    }
    throw new Error(
      `${this.name} is not ready after ${deadlineMs / 1000} s (${path}: ${last}). The end of ${this.#options.logFile}:\n${this.logTail()}`,
    )
  }
}
