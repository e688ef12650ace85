import { mkdirSync, rmSync, statfsSync } from 'node:fs'
import type { Server } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { BrokerExit } from './broker-process.ts'
import { forebayProcesses } from './forebay-processes.ts'
import type { Say } from './java.ts'
import { exitReason, KafkaCluster } from './kafka-cluster.ts'
import { kafkaRuntime } from './kafka-runtime.ts'
import { requireFreePort } from './ports.ts'
import { seed } from './seed.ts'
import { openStackApi } from './stack-api.ts'
import { openStackHooks } from './stack-hooks.ts'
import { removeStackJson, stackJson, writeStackJson } from './stack-json.ts'
import { type ForebayProcess, type StackLayout, stackPaths } from './stack-layout.ts'
import { releaseStackLock, takeStackLock } from './stack-lock.ts'
import type { BuiltSink } from './start-options.ts'
import type { ProcessDeath, SupervisedProcess } from './supervised-process.ts'
import { tail } from './tail.ts'

export interface LocalStackOptions {
  readonly layout: StackLayout
  readonly fresh: boolean
  readonly sinks: readonly BuiltSink[]
  readonly say: Say
  /** Something that the stack cannot live with, e.g. a full disk: stop it and exit with 1. */
  readonly onFatal: (error: Error) => void
}

const startDeadlineMs = 60_000
const processGraceMs = 12_000
const orphanGraceMs = 5000
const names = ['control', 'proxy', 'router'] as const

/** Kafka clusters, control plane, proxy and router on this machine, as one thing. */
export class LocalStack {
  readonly #options: LocalStackOptions
  readonly #layout: StackLayout
  readonly #clusters: readonly KafkaCluster[]
  readonly #processes: Readonly<Record<ForebayProcess, SupervisedProcess>>
  readonly #socket: string
  #api: Server | undefined
  #hooks: Server | undefined
  #locked = false
  #ready = false
  #stopping = false

  constructor(options: LocalStackOptions) {
    this.#options = options
    this.#layout = options.layout
    const paths = stackPaths(options.layout.directory)
    this.#socket = socketPath(options.layout.directory)
    this.#clusters = options.layout.clusters.map(
      ({ name, brokers }) =>
        new KafkaCluster({
          name,
          directory: paths.cluster(name),
          brokers,
          say: options.say,
          onBrokerExit: (exit) => this.#onBrokerExit(name, exit),
        }),
    )
    this.#processes = forebayProcesses(options.layout, {
      onDeath: (name, death) => this.#onDeath(name, death),
      onRestarted: (name) => {
        options.say(`${name} is up again (process ${this.#processes[name].pid})`)
        this.#publish()
      },
    })
  }

  /** Settles when an event would be served and carried on, and stack.json says where. After a rejection call `stop`. */
  async start(): Promise<void> {
    const { say, fresh, sinks } = this.#options
    takeStackLock(this.#layout.directory)
    this.#locked = true
    removeStackJson(this.#layout.directory)
    await this.#endOrphans()
    const paths = stackPaths(this.#layout.directory)
    if (fresh) for (const folder of paths.data) rmSync(folder, { recursive: true, force: true })
    for (const name of names) {
      await requireFreePort(this.#layout.ports[name], `the ${name === 'control' ? 'control plane' : name}`)
      mkdirSync(paths.state(name), { recursive: true })
    }
    await requireFreePort(this.#layout.hookPort, 'the hooks of the control plane')
    await kafkaRuntime(say)
    say(
      `starting Kafka (${this.#clusters.map(({ name, bootstrap }) => `${name}: ${bootstrap.length}`).join(', ')})…`,
    )
    // Before the control plane, which may have a failover to end.
    this.#hooks = await openStackHooks({
      port: this.#layout.hookPort,
      clusters: this.#clusters,
      onScaled: (broker, hook) => {
        say(`${hook}: ${broker}`)
        this.#publish()
      },
    })
    await Promise.all([
      ...this.#clusters.map((cluster) => cluster.start()),
      ...names.map((name) => this.#processes[name].start(startDeadlineMs)),
    ])
    const changed = await seed(this.#layout, sinks)
    say(`Kafka is ready; ${changed} of the clusters, sample topics and routes are new or changed`)
    await Promise.all(names.map((name) => this.#processes[name].ready(startDeadlineMs)))
    this.#api = await openStackApi({
      socketPath: this.#socket,
      clusters: this.#clusters,
      onChange: ({ broker, state }, action) => {
        say(`${action} ${broker}: ${state}`)
        this.#publish()
      },
    })
    this.#ready = true
    this.#publish()
  }

  /** In order: proxy, router, control plane, then Kafka, so that what was accepted is delivered as far as it can be. */
  async stop(): Promise<void> {
    this.#stopping = true
    this.#ready = false
    if (this.#locked) removeStackJson(this.#layout.directory)
    this.#api?.close()
    this.#api?.closeAllConnections()
    this.#hooks?.close()
    this.#hooks?.closeAllConnections()
    for (const name of ['proxy', 'router', 'control'] as const)
      await this.#processes[name].stop(processGraceMs)
    await Promise.all(this.#clusters.map((cluster) => cluster.stop()))
    this.#release()
  }

  /** Everything at once, without waiting. */
  killNow(): void {
    this.#stopping = true
    if (this.#locked) removeStackJson(this.#layout.directory)
    for (const name of names) this.#processes[name].killNow()
    for (const cluster of this.#clusters) cluster.killNow()
    this.#release()
  }

  #release(): void {
    if (!this.#locked) return
    rmSync(this.#socket, { force: true })
    releaseStackLock(this.#layout.directory)
    this.#locked = false
  }

  async #endOrphans(): Promise<void> {
    const processes = await Promise.all(names.map((name) => this.#processes[name].endOrphan(orphanGraceMs)))
    const brokers = await Promise.all(this.#clusters.map((cluster) => cluster.endOrphans()))
    const pids = [...processes, ...brokers.flat()].filter((pid) => pid !== undefined)
    if (pids.length > 0) {
      this.#options.say(`ended ${pids.length} processes of a stack that was killed (${pids.join(', ')})`)
    }
  }

  #onDeath(name: ForebayProcess, { pid, code, signal, restartInMs, logTail }: ProcessDeath): void {
    if (this.#stopping) return
    const how = signal === null ? `with exit code ${code}` : `by ${signal}`
    this.#options.say(`${name} (process ${pid}) ended ${how}: starting it again in ${restartInMs / 1000} s`)
    if (signal === null) this.#options.say(indent(logTail))
    this.#publish()
    if (diskIsFull(this.#layout.directory)) {
      this.#options.onFatal(new Error(`the disk of ${this.#layout.directory} is full`))
    }
  }

  #onBrokerExit(cluster: string, { id, code, signal, logTail }: BrokerExit): void {
    if (this.#stopping) return
    const full = diskIsFull(this.#layout.directory)
    const reason = full ? 'the disk is full' : exitReason(logTail)
    const how = signal === null ? `with exit code ${code}` : `by ${signal}`
    const what = `broker ${cluster}/${id} ended ${how}${reason === undefined ? '' : `: ${reason}`}`
    this.#options.say(`${what}. It stays down until: forebay local start ${cluster}/${id}`)
    if (signal === null) this.#options.say(indent(tail(logTail, 10)))
    this.#publish()
    if (reason === 'the disk is full') this.#options.onFatal(new Error(what))
  }

  #publish(): void {
    if (!this.#ready) return
    const { control, proxy, router } = this.#processes
    try {
      writeStackJson(
        this.#layout.directory,
        stackJson({
          layout: this.#layout,
          clusters: this.#clusters,
          pids: { control: control.pid, proxy: proxy.pid, router: router.pid },
          sinks: this.#options.sinks,
          socket: this.#socket,
        }),
      )
    } catch (error) {
      this.#options.onFatal(error as Error)
    }
  }
}

/** A socket's path may have 107 bytes (unix(7)): a deep data folder gets one in the system's temporary folder. */
function socketPath(directory: string): string {
  const path = join(directory, 'stack.sock')
  return Buffer.byteLength(path) <= 100 ? path : join(tmpdir(), `forebay-stack-${process.pid}.sock`)
}

/** Asked after a death: on a full disk the reason often does not reach the log, which is on the same one. */
function diskIsFull(directory: string): boolean {
  const { bavail, bsize } = statfsSync(directory)
  return bavail * bsize < 2 ** 20
}

function indent(text: string): string {
  return text.replace(/^/gm, '    ')
}
