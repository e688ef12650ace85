import { fileURLToPath } from 'node:url'
import type { Quantiles } from '../report/histogram.ts'
import type { Bench } from './bench.ts'
import { ServerProcess } from './server-process.ts'
import { createTopic } from './topics.ts'

/** The process of load/baselines/background-producer.ts with a topic of its own; unpinned servers' core is left alone. */
export class BackgroundLoad {
  readonly #server: ServerProcess

  private constructor(server: ServerProcess) {
    this.#server = server
  }

  static async start({ kafka, options }: Bench, topic: string, acks: 1 | -1): Promise<BackgroundLoad> {
    const replicas = Math.min(acks === 1 ? 2 : 3, kafka.fronting.length)
    await createTopic(kafka.fronting, topic, { partitions: 6, replicas })
    const file = fileURLToPath(new URL('../baselines/background-producer.ts', import.meta.url))
    const args = ['--bootstrap', kafka.fronting.join(','), '--topic', topic, `--acks=${acks}`]
    const sizes = ['--event-bytes', String(options.eventBytes), '--per-send', String(options.eventsPerBody)]
    const server = new ServerProcess('background producer', [process.execPath, file, ...args, ...sizes])
    await server.ready()
    return new BackgroundLoad(server)
  }

  run(eventsPerSecond: number): void {
    this.#server.say(`run ${eventsPerSecond}`)
  }

  /** Ends the load; the ack times of its sends, in microseconds. */
  async pause(): Promise<Quantiles> {
    const line = await this.#server.ask('stop', /^\{"ackTimes":.*\}\n/m)
    return (JSON.parse(line) as { ackTimes: Quantiles }).ackTimes
  }

  stop(): Promise<void> {
    return this.#server.stop()
  }
}
