import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ControlClient } from '../../src/cli/client.ts'
import { type BenchKafka, freePorts } from './kafka.ts'
import { ServerProcess } from './server-process.ts'

const launcher = fileURLToPath(new URL('../../bin/forebay.js', import.meta.url))

/** Forebay's own processes with a control plane of their own; the measured ones are started with `serverPrefix`. */
export class BenchForebay {
  readonly client: ControlClient
  readonly #url: string
  readonly #folder: string
  readonly #prefix: readonly string[]
  readonly #control: ServerProcess
  readonly #others: ServerProcess[] = []

  private constructor(url: string, folder: string, prefix: readonly string[], control: ServerProcess) {
    this.client = new ControlClient(url, undefined, new AbortController().signal)
    this.#url = url
    this.#folder = folder
    this.#prefix = prefix
    this.#control = control
  }

  /** Starts the control plane and makes both clusters known. */
  static async start(kafka: BenchKafka, serverPrefix: readonly string[]): Promise<BenchForebay> {
    const folder = mkdtempSync(join(tmpdir(), 'forebay-bench-state-'))
    process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
    const [port = 0] = await freePorts(1)
    const store = join(folder, 'control.sqlite')
    const command = [process.execPath, launcher, 'control', '--port', String(port), '--store', store]
    const control = new ServerProcess('forebay control', command)
    const url = `http://127.0.0.1:${port}`
    await control.ready(`${url}/readyz`)
    const forebay = new BenchForebay(url, folder, serverPrefix, control)
    await forebay.apply([
      { kind: 'Cluster', name: 'bench-fronting', role: 'fronting', bootstrap: kafka.fronting },
      { kind: 'Cluster', name: 'bench-consumer', role: 'consumer', bootstrap: kafka.consumer },
    ])
    return forebay
  }

  async apply(documents: readonly object[]): Promise<void> {
    await this.client.call('POST', '/v1/apply', { body: { documents } })
  }

  /** A started and ready `proxy` or `router`, pinned. */
  async run(name: 'proxy' | 'router', port: number, args: readonly string[] = []): Promise<ServerProcess> {
    const follow = ['--control', this.#url, '--data-dir', join(this.#folder, name), '--log-level', 'warn']
    const command = [process.execPath, launcher, name, '--port', String(port), ...follow, ...args]
    const server = new ServerProcess(`forebay ${name}`, [...this.#prefix, ...command])
    this.#others.push(server)
    await server.ready(`http://127.0.0.1:${port}/readyz`)
    return server
  }

  async stop(): Promise<void> {
    await Promise.all(this.#others.map((server) => server.stop()))
    await this.client.close()
    await this.#control.stop()
    rmSync(this.#folder, { recursive: true, force: true })
  }
}
