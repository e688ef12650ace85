import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { propertiesText } from './broker-settings.ts'
import type { KafkaRuntime } from './kafka-runtime.ts'
import { removePidFile, sendSignal, writePidFile } from './pid-file.ts'
import { tail } from './tail.ts'

export type BrokerState = 'stopped' | 'running' | 'paused' | 'failed'

/** A broker that ended without being asked to. */
export interface BrokerExit {
  readonly id: number
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  /** The last lines of its log. */
  readonly logTail: string
}

export interface BrokerProcessOptions {
  readonly id: number
  /** Holds `server.properties`, `data`, `broker.log` and `broker.pid`; absolute. */
  readonly directory: string
  readonly settings: Readonly<Record<string, string>>
  readonly clusterId: string
  readonly runtime: KafkaRuntime
  readonly onUnexpectedExit: (exit: BrokerExit) => void
}

// Five brokers together stay below 2 GiB; the client compiler alone starts faster than both.
const jvmFlags = [
  '-Xms64m',
  '-Xmx320m',
  '-Xss512k',
  '-XX:+UseSerialGC',
  '-XX:TieredStopAtLevel=1',
  '-XX:+ExitOnOutOfMemoryError',
  '-Djava.awt.headless=true',
  '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn',
  '-Dorg.slf4j.simpleLogger.showDateTime=true',
  "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSSXXX",
]

/** One broker JVM. In a process group of its own, so that a Ctrl-C in the terminal reaches the stack only, which stops it in order. */
export class BrokerProcess {
  readonly id: number
  readonly logFile: string
  readonly #options: BrokerProcessOptions
  readonly #propertiesFile: string
  readonly #pidFile: string
  #child: ChildProcess | undefined
  #exited: Promise<void> = Promise.resolve()
  #stopping = false
  #state: BrokerState = 'stopped'

  constructor(options: BrokerProcessOptions) {
    this.id = options.id
    this.#options = options
    this.logFile = join(options.directory, 'broker.log')
    this.#propertiesFile = join(options.directory, 'server.properties')
    this.#pidFile = pidFileOf(options.directory)
  }

  get state(): BrokerState {
    return this.#state
  }

  /** `undefined` while it is down. */
  get pid(): number | undefined {
    return this.#state === 'running' || this.#state === 'paused' ? this.#child?.pid : undefined
  }

  /** Writes the settings and formats an empty data folder; a formatted one is left as it is. Rejects with the tool's words. */
  async format(): Promise<void> {
    mkdirSync(this.#options.directory, { recursive: true })
    writeFileSync(this.#propertiesFile, propertiesText(this.#options.settings))
    if (existsSync(join(this.#options.directory, 'data', 'meta.properties'))) return
    const args = ['format', '-t', this.#options.clusterId, '-c', this.#propertiesFile]
    const child = this.#spawnJava('kafka.tools.StorageTool', args)
    const ended = Promise.withResolvers<number | null>()
    child.on('error', ended.reject)
    child.on('exit', ended.resolve)
    const code = await ended.promise
    if (code !== 0)
      throw new Error(`its data folder could not be formatted (exit ${code}):\n${this.logTail()}`)
  }

  /** Starts the JVM and returns at once; `KafkaCluster` decides when it is ready. Does nothing while it runs. */
  launch(): void {
    if (this.pid !== undefined) return
    const child = this.#spawnJava('kafka.Kafka', [this.#propertiesFile])
    const exited = Promise.withResolvers<void>()
    this.#child = child
    this.#exited = exited.promise
    this.#stopping = false
    this.#state = 'running'
    if (child.pid !== undefined) writePidFile(this.#pidFile, { pid: child.pid, marker: this.#propertiesFile })
    child.once('error', (error) => {
      this.#ended(null, null, error.message)
      exited.resolve()
    })
    child.once('exit', (code, signal) => {
      this.#ended(code, signal, this.logTail())
      exited.resolve()
    })
  }

  /** SIGTERM, SIGKILL after `graceMs`; settles when the process is gone. */
  async stop(graceMs: number): Promise<void> {
    const pid = this.pid
    if (pid === undefined) return
    this.#stopping = true
    sendSignal(pid, 'SIGCONT')
    sendSignal(pid, 'SIGTERM')
    const timer = setTimeout(() => sendSignal(pid, 'SIGKILL'), graceMs)
    await this.#exited
    clearTimeout(timer)
  }

  /** SIGKILL; settles when the process is gone. */
  async kill(): Promise<void> {
    this.killNow()
    await this.#exited
  }

  /** SIGKILL without waiting, for the exit of our own process. */
  killNow(): void {
    const pid = this.pid
    if (pid === undefined) return
    this.#stopping = true
    sendSignal(pid, 'SIGKILL')
  }

  /** SIGSTOP: the process hangs, its sockets stay open. */
  pause(): void {
    this.#signal('SIGSTOP', 'paused')
  }

  resume(): void {
    this.#signal('SIGCONT', 'running')
  }

  logTail(lines = 30): string {
    return existsSync(this.logFile) ? tail(readFileSync(this.logFile, 'utf8'), lines) : '(no log yet)'
  }

  #signal(signal: NodeJS.Signals, next: BrokerState): void {
    if (this.pid === undefined) throw new Error(`broker ${this.id} is not running`)
    sendSignal(this.pid, signal)
    this.#state = next
  }

  #ended(code: number | null, signal: NodeJS.Signals | null, logTail: string): void {
    removePidFile(this.#pidFile)
    this.#state = this.#stopping ? 'stopped' : 'failed'
    if (!this.#stopping) this.#options.onUnexpectedExit({ id: this.id, code, signal, logTail })
  }

  #spawnJava(mainClass: string, args: readonly string[]): ChildProcess {
    const log = openSync(this.logFile, 'a')
    try {
      const { runtime, directory } = this.#options
      const all = [...jvmFlags, ...runtime.fastStart, '-cp', join(runtime.jars, '*'), mainClass, ...args]
      return spawn(runtime.java, all, { cwd: directory, detached: true, stdio: ['ignore', log, log] })
    } finally {
      closeSync(log)
    }
  }
}

/** Where the broker of `directory` leaves its pid. */
export function pidFileOf(directory: string): string {
  return join(directory, 'broker.pid')
}
