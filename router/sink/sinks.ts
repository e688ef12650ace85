import { isAbsolute, join } from 'node:path'
import type { Clock } from '../../src/core/clock.ts'
import type { ClusterProducer } from '../../src/kafka/cluster-producer.ts'
import type { JobSpec } from '../plan.ts'
import { FileSink } from './file-sink.ts'
import { KafkaSink } from './kafka-sink.ts'
import type { Sink } from './sink.ts'

export interface SinksOptions {
  readonly dataDir: string
  readonly clock: Clock
  readonly producerOf: (spec: JobSpec) => ClusterProducer
}

interface Shared {
  readonly sink: Sink
  users: number
}

/** The sinks in use: one per route, however many clusters it is read from. */
export class Sinks {
  readonly #options: SinksOptions
  readonly #shared = new Map<string, Shared>()

  constructor(options: SinksOptions) {
    this.#options = options
  }

  take(spec: JobSpec): Sink {
    const key = sinkKey(spec)
    let shared = this.#shared.get(key)
    if (shared === undefined) {
      shared = { sink: this.#make(spec), users: 0 }
      this.#shared.set(key, shared)
    }
    shared.users += 1
    return shared.sink
  }

  /** Closes the sink when nobody else uses it; rejects when that fails. */
  async release(spec: JobSpec): Promise<void> {
    const key = sinkKey(spec)
    const shared = this.#shared.get(key)
    if (shared === undefined) return
    shared.users -= 1
    if (shared.users > 0) return
    this.#shared.delete(key)
    await shared.sink.close()
  }

  #make(spec: JobSpec): Sink {
    const { dataDir, clock, producerOf } = this.#options
    const { sink, topic } = spec.route
    if (sink.type === 'kafka') return new KafkaSink({ spec: sink, producer: producerOf(spec), clock })
    const directory = isAbsolute(sink.directory) ? sink.directory : join(dataDir, 'files', sink.directory)
    return new FileSink({ directory, topic, rotateBytes: sink.rotateBytes })
  }
}

function sinkKey({ route, target }: JobSpec): string {
  return JSON.stringify([route.id, route.topic, route.sink, target?.bootstrap])
}
