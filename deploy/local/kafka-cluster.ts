import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { statfs } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { probeBroker } from '../../src/kafka/cluster-probe.ts'
import { type BrokerExit, BrokerProcess, type BrokerState, pidFileOf } from './broker-process.ts'
import { type BrokerSpec, brokerSettings, servesClients, votes } from './broker-settings.ts'
import type { Say } from './java.ts'
import { type KafkaRuntime, kafkaRuntime } from './kafka-runtime.ts'
import { endOrphan } from './pid-file.ts'
import { requireFreePort } from './ports.ts'

export interface KafkaClusterOptions {
  /** For people and error messages. */
  readonly name: string
  /** Absolute; made when missing. Data in it survives `stop` and `start`. */
  readonly directory: string
  /** Node ids are 1..n in this order, dedicated controllers among them. Not two: losing one would lose the controller quorum. */
  readonly brokers: readonly BrokerSpec[]
  /** Further broker settings; they win. */
  readonly config?: Readonly<Record<string, string>>
  readonly say?: Say
  /** A broker ended that nobody stopped. It stays down until `startBroker`. */
  readonly onBrokerExit?: (exit: BrokerExit) => void
}

export interface BrokerStatus {
  readonly id: number
  readonly port: number
  readonly pid: number | undefined
  readonly state: BrokerState
  readonly rack: string | undefined
}

const readyDeadlineMs = 90_000
const stopGraceMs = 10_000
const neededDiskBytes = 256 * 2 ** 20

/** A real Kafka cluster (KRaft, combined brokers unless they say otherwise) of child processes, owned by this object. */
export class KafkaCluster {
  readonly name: string
  readonly directory: string
  readonly #options: KafkaClusterOptions
  #processes: readonly BrokerProcess[] = []
  #starting = false
  #stopped = false

  constructor(options: KafkaClusterOptions) {
    this.name = options.name
    this.directory = options.directory
    this.#options = options
  }

  /** `host:port` of every broker that starts with the cluster, as clients are to use it. */
  get bootstrap(): readonly string[] {
    const brokers = this.#options.brokers.filter((one) => servesClients(one) && one.asleep !== true)
    return brokers.map(
      ({ port, advertised }) => `${advertised?.host ?? '127.0.0.1'}:${advertised?.port ?? port}`,
    )
  }

  /** Dedicated controllers too. */
  get brokers(): readonly BrokerStatus[] {
    return this.#options.brokers.map(({ port, rack }, index) => ({
      id: index + 1,
      port,
      pid: this.#processes[index]?.pid,
      state: this.#processes[index]?.state ?? 'stopped',
      rack,
    }))
  }

  /** Brokers that do not start with the cluster. */
  get sleepers(): readonly BrokerStatus[] {
    return this.brokers.filter(({ id }) => this.#options.brokers[id - 1]?.asleep === true)
  }

  /**
   * Formats what is new, starts all brokers side by side and settles when every broker sees every other and the internal topics have
   * leaders. Otherwise everything is stopped again and the error shows why: a taken port, a full disk, or the end of a log.
   */
  async start(): Promise<void> {
    this.#stopped = false
    try {
      const runtime = await kafkaRuntime(this.#say)
      await this.endOrphans()
      await this.#checkMachine()
      this.#processes = this.#createProcesses(runtime)
      this.#starting = true
      const awake = this.#processes.filter(({ id }) => !this.#sleeps(id))
      await Promise.all(awake.map((broker) => this.#formatAndLaunch(broker)))
      await this.#untilReady(awake)
    } catch (error) {
      await this.stop(0)
      throw error
    } finally {
      this.#starting = false
    }
  }

  /** SIGTERM to all, SIGKILL after the grace; settles when all are gone. A start in progress rejects. */
  async stop(graceMs = stopGraceMs): Promise<void> {
    this.#stopped = true
    await Promise.all(this.#processes.map((broker) => broker.stop(graceMs)))
  }

  /** SIGKILL to all without waiting, for the exit of our own process. */
  killNow(): void {
    this.#stopped = true
    for (const broker of this.#processes) broker.killNow()
  }

  /** Ends brokers that an owner killed with -9 left behind in this folder; returns their pids. */
  async endOrphans(): Promise<number[]> {
    const ended = await Promise.all(
      this.#options.brokers.map((_, index) =>
        endOrphan(pidFileOf(this.#directoryOf(index + 1)), stopGraceMs),
      ),
    )
    return ended.filter((pid) => pid !== undefined)
  }

  /** Deletes all data; only while stopped. */
  removeData(): void {
    if (this.#processes.some(({ pid }) => pid !== undefined)) throw new Error(`${this.name} is running`)
    rmSync(this.directory, { recursive: true, force: true })
  }

  /**
   * Settles when the broker is registered again and the coordinators are found; at once while too few brokers run for a controller
   * quorum, without which nothing can become ready.
   */
  async startBroker(id: number): Promise<void> {
    const broker = this.#broker(id)
    if (broker.state === 'paused') throw new Error(`broker ${this.name}/${id} is paused: resume it`)
    if (broker.pid !== undefined) throw new Error(`broker ${this.name}/${id} is running already`)
    const spec = this.#options.brokers[id - 1]
    if (spec !== undefined) await this.#checkPorts(spec, id)
    this.#stopped = false
    // One that has slept until now has no data folder yet.
    await this.#formatAndLaunch(broker)
    if (spec?.asleep === true) writeFileSync(this.#wokenFile(id), '')
    const voters = this.#processes.filter(({ id: one }) => this.#is(one, votes))
    const up = voters.filter(({ state }) => state === 'running').length
    if (2 * up > voters.length) await this.#untilReady([broker])
  }

  /** Clean stop of one broker. One that starts asleep does so again from now on. */
  async stopBroker(id: number): Promise<void> {
    await this.#running(id).stop(stopGraceMs)
    rmSync(this.#wokenFile(id), { force: true })
  }

  /** kill -9 of one broker. */
  async killBroker(id: number): Promise<void> {
    await this.#running(id).kill()
  }

  /** The broker hangs: sockets stay open, nothing answers. */
  pauseBroker(id: number): void {
    this.#running(id).pause()
  }

  resumeBroker(id: number): void {
    this.#running(id).resume()
  }

  /** Settles when every running broker sees all running ones and finds the coordinators; rejects with the reason after the deadline. */
  async ready(): Promise<void> {
    await this.#untilReady(this.#processes.filter(({ state }) => state === 'running'))
  }

  logTail(id: number): string {
    return this.#broker(id).logTail()
  }

  readonly #say: Say = (line) => this.#options.say?.(line)

  #broker(id: number): BrokerProcess {
    const broker = this.#processes[id - 1]
    if (broker !== undefined) return broker
    const known = this.#options.brokers.map((_, index) => index + 1).join(', ')
    throw new RangeError(`${this.name} has no broker ${id}; it has ${known}`)
  }

  #running(id: number): BrokerProcess {
    const broker = this.#broker(id)
    if (broker.pid === undefined) throw new Error(`broker ${this.name}/${id} is not running`)
    return broker
  }

  #directoryOf(id: number): string {
    return join(this.directory, `broker-${id}`)
  }

  /** There while a broker that starts asleep is in use: it may hold replicas, so the cluster must not come back without it. */
  #wokenFile(id: number): string {
    return join(this.#directoryOf(id), 'woken')
  }

  #sleeps(id: number): boolean {
    return this.#options.brokers[id - 1]?.asleep === true && !existsSync(this.#wokenFile(id))
  }

  async #checkMachine(): Promise<void> {
    mkdirSync(this.directory, { recursive: true })
    const { bavail, bsize } = await statfs(this.directory)
    if (bavail * bsize < neededDiskBytes) {
      const free = Math.floor((bavail * bsize) / 2 ** 20)
      throw new Error(`the disk of ${this.directory} is full: ${free} MiB free, Kafka needs at least 256 MiB`)
    }
    await Promise.all(this.#options.brokers.map((spec, index) => this.#checkPorts(spec, index + 1)))
  }

  async #checkPorts(spec: BrokerSpec, id: number): Promise<void> {
    if (servesClients(spec)) await requireFreePort(spec.port, `broker ${this.name}/${id}`)
    if (votes(spec)) await requireFreePort(spec.controllerPort, `the controller of broker ${this.name}/${id}`)
    if (spec.advertised !== undefined) {
      await requireFreePort(spec.advertised.internalPort, `replication of broker ${this.name}/${id}`)
    }
  }

  #createProcesses(runtime: KafkaRuntime): BrokerProcess[] {
    const { brokers, config = {} } = this.#options
    const clusterId = this.#clusterId()
    return brokers.map((_, index) => {
      const id = index + 1
      const directory = this.#directoryOf(id)
      const settings = brokerSettings({ id, brokers, dataDirectory: join(directory, 'data'), extra: config })
      const onUnexpectedExit = (exit: BrokerExit) => {
        if (!this.#starting) this.#options.onBrokerExit?.(exit)
      }
      return new BrokerProcess({ id, directory, settings, clusterId, runtime, onUnexpectedExit })
    })
  }

  /** Kept beside the data: all brokers of a cluster must be formatted with the same one, also those added by a crash in between. */
  #clusterId(): string {
    const file = join(this.directory, 'cluster-id')
    if (existsSync(file)) return readFileSync(file, 'utf8').trim()
    // A leading "-" would be read as an option by the format tool.
    const id = randomBytes(16).toString('base64url').replace(/^-/, 'A')
    writeFileSync(file, `${id}\n`)
    return id
  }

  async #formatAndLaunch(broker: BrokerProcess): Promise<void> {
    try {
      await broker.format()
    } catch (error) {
      throw new Error(`broker ${this.name}/${broker.id}: ${(error as Error).message}`, { cause: error })
    }
    if (this.#stopped) throw new Error(`${this.name} was stopped while it started`)
    broker.launch()
  }

  async #untilReady(awaited: readonly BrokerProcess[]): Promise<void> {
    const deadlineMs = performance.now() + readyDeadlineMs
    let waitingFor = 'its first answer'
    while (performance.now() < deadlineMs) {
      if (this.#stopped) throw new Error(`${this.name} was stopped while it started`)
      const failed = awaited.find(({ pid }) => pid === undefined)
      if (failed !== undefined) throw this.#failure(failed)
      const problem = await this.#problemOf(awaited)
      if (problem === undefined) return
      waitingFor = problem
      await sleep(100)
    }
    const logs = awaited.map((broker) => `--- ${broker.logFile}\n${broker.logTail(10)}`).join('\n')
    throw new Error(`${this.name} is not ready after ${readyDeadlineMs / 1000} s: ${waitingFor}\n${logs}`)
  }

  #is(id: number, what: (spec: BrokerSpec) => boolean): boolean {
    const spec = this.#options.brokers[id - 1]
    return spec !== undefined && what(spec)
  }

  /** Dedicated controllers are not asked: brokers find each other and their coordinators only through a quorum. */
  async #problemOf(awaited: readonly BrokerProcess[]): Promise<string | undefined> {
    const running = this.#processes.filter(({ state }) => state === 'running')
    const expected = running.map(({ id }) => id).filter((id) => this.#is(id, servesClients))
    for (const { id } of awaited) {
      if (!this.#is(id, servesClients)) continue
      const address = `127.0.0.1:${this.#options.brokers[id - 1]?.port}`
      try {
        const view = await probeBroker(address, { deadlineMs: 5000, coordinators: true })
        const missing = expected.filter((other) => !view.brokerIds.includes(other))
        if (missing.length > 0) return `broker ${id} does not see broker ${missing.join(', ')}`
        if (!view.coordinators) return `broker ${id} finds no coordinator yet`
      } catch (error) {
        return `broker ${id} does not answer (${(error as Error).message})`
      }
    }
    return undefined
  }

  #failure(broker: BrokerProcess): Error {
    const logTail = broker.logTail()
    const reason = exitReason(logTail)
    return new Error(
      `broker ${this.name}/${broker.id} did not start${reason === undefined ? '' : `: ${reason}`}. The end of ${broker.logFile}:\n${logTail}`,
    )
  }
}

/** The sentence behind the usual ends of a broker, found in its log. */
export function exitReason(logTail: string): string | undefined {
  if (/No space left on device/i.test(logTail)) return 'the disk is full'
  if (/failed to bind|Address already in use/i.test(logTail)) {
    const port = /failed to bind to \S+?:(\d+)/.exec(logTail)?.[1]
    return `its port${port === undefined ? '' : ` ${port}`} is taken`
  }
  if (/OutOfMemoryError/.test(logTail)) return 'it ran out of memory'
  return undefined
}
