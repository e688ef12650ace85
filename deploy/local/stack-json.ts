import { renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { StackFile } from '../../src/core/stack-file.ts'
import type { KafkaCluster } from './kafka-cluster.ts'
import { type ForebayProcess, processUrl, type StackLayout, stackPaths } from './stack-layout.ts'
import type { BuiltSink } from './start-options.ts'

export interface StackJsonInput {
  readonly layout: StackLayout
  readonly clusters: readonly KafkaCluster[]
  readonly pids: Readonly<Record<ForebayProcess, number | undefined>>
  readonly sinks: readonly BuiltSink[]
  readonly socket: string
}

export function stackJson({ layout, clusters, pids, sinks, socket }: StackJsonInput): StackFile {
  const consumer = clusters.find(({ name }) => name === 'consumer')
  const reach: Readonly<Record<BuiltSink, unknown>> = {
    kafka: { cluster: 'consumer', bootstrap: consumer?.bootstrap ?? [] },
    // A route's files are in a folder named by its id below this one.
    file: { directory: join(stackPaths(layout.directory).state('router'), 'files') },
  }
  return {
    proxy: processUrl(layout, 'proxy'),
    control: processUrl(layout, 'control'),
    router: processUrl(layout, 'router'),
    clusters: Object.fromEntries(
      clusters.map(({ name, bootstrap, brokers }) => [
        name,
        { bootstrap, brokers: brokers.map(({ id, port, pid }) => ({ id, port, pid: pid ?? null })) },
      ]),
    ),
    processes: {
      proxy: { pid: pids.proxy ?? null },
      control: { pid: pids.control ?? null },
      router: { pid: pids.router ?? null },
    },
    sinks: Object.fromEntries(sinks.map((sink) => [sink, reach[sink]])),
    socket,
  }
}

/** Atomic: a reader sees the old one or the new one. */
export function writeStackJson(directory: string, content: StackFile): void {
  const { stackFile } = stackPaths(directory)
  writeFileSync(`${stackFile}.new`, `${JSON.stringify(content, null, 2)}\n`)
  renameSync(`${stackFile}.new`, stackFile)
}

export function removeStackJson(directory: string): void {
  rmSync(stackPaths(directory).stackFile, { force: true })
}
