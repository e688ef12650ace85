import { join } from 'node:path'
import type { BrokerSpec } from './broker-settings.ts'

/**
 * Every port of the stack. With `--port-base N` each is N + its offset, all below N + 100; without it the three processes have their
 * well-known ports and everything else counts from 19000.
 *
 * | offset | what |
 * |---|---|
 * | 0, 1, 2 | proxy, control plane, router |
 * | 3 | the stack's own, for the hooks that wake the standby |
 * | 10-12, 15-17 | fronting-a: brokers, controllers |
 * | 20, 21, 25 | standby-a: broker, the one that sleeps, controller |
 * | 30, 35 | consumer: broker, controller |
 * | 40-99 | free, for sinks |
 */
const offsets = {
  proxy: 0,
  control: 1,
  router: 2,
  hooks: 3,
  clusters: { 'fronting-a': 10, 'standby-a': 20, consumer: 30 },
  controllers: 5,
} as const

const wellKnown = { proxy: 8080, control: 8081, router: 8082, base: 19000 } as const

export type StackCluster = keyof typeof offsets.clusters
export type ForebayProcess = 'proxy' | 'control' | 'router'

export interface ClusterLayout {
  readonly name: StackCluster
  readonly role: 'fronting' | 'standby' | 'consumer'
  readonly standby?: StackCluster
  readonly brokers: readonly BrokerSpec[]
}

export interface StackLayout {
  /** Absolute. */
  readonly directory: string
  readonly ports: Readonly<Record<ForebayProcess, number>>
  /** Where the stack takes the calls of the control plane's hooks. */
  readonly hookPort: number
  readonly clusters: readonly ClusterLayout[]
}

/** Where everything of a stack is; `portBase` as in `--port-base`. */
export function stackLayout(directory: string, portBase: number | undefined): StackLayout {
  const base = portBase ?? wellKnown.base
  const brokers = (name: StackCluster, racks: readonly string[]): BrokerSpec[] =>
    racks.map((rack, index) => {
      const port = base + offsets.clusters[name] + index
      return { port, controllerPort: port + offsets.controllers, rack }
    })
  const port = (name: ForebayProcess) => (portBase === undefined ? wellKnown[name] : portBase + offsets[name])
  return {
    directory,
    ports: { proxy: port('proxy'), control: port('control'), router: port('router') },
    hookPort: base + offsets.hooks,
    clusters: [
      // Three: two combined brokers would lose the controller quorum with one of them.
      {
        name: 'fronting-a',
        role: 'fronting',
        standby: 'standby-a',
        brokers: brokers('fronting-a', ['a', 'b', 'c']),
      },
      {
        name: 'standby-a',
        role: 'standby',
        brokers: brokers('standby-a', ['a', 'b']).map((spec, index) =>
          index === 0 ? spec : { ...spec, role: 'broker', asleep: true },
        ),
      },
      { name: 'consumer', role: 'consumer', brokers: brokers('consumer', ['a']) },
    ],
  }
}

/** The URL of a process of the stack. */
export function processUrl(layout: StackLayout, name: ForebayProcess): string {
  return `http://127.0.0.1:${layout.ports[name]}`
}

/** The folders and files below the stack's directory. */
export function stackPaths(directory: string) {
  return {
    lock: join(directory, 'stack.pid'),
    stackFile: join(directory, 'stack.json'),
    logs: join(directory, 'logs'),
    cluster: (name: string) => join(directory, 'clusters', name),
    state: (name: ForebayProcess) => join(directory, name),
    /** What `--fresh` deletes: never the directory itself, which may hold other things of its owner. */
    data: ['clusters', 'proxy', 'control', 'router', 'logs'].map((name) => join(directory, name)),
  }
}
