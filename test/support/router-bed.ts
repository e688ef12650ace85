import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Kafka, logLevel, type Message } from 'kafkajs'
import { groupIdOf, type PlacementDocument, placementETag, type RouteSpec } from '../../src/core/placement.ts'
import { freePort } from './free-port.ts'
import { startProcess, type TestProcess } from './process.ts'
import type { Cleanup } from './temporary-folder.ts'

/** Serves one placement document the way the control plane does; `publish` replaces it. */
export class PlacementServer {
  #document: PlacementDocument
  readonly #waiting = new Set<ServerResponse>()
  readonly #server = createServer((request, response) => {
    if (request.headers['if-none-match'] !== placementETag(this.#document)) this.#send(response)
    else this.#waiting.add(response)
  })

  private constructor(document: PlacementDocument) {
    this.#document = document
  }

  static async start(owner: Cleanup, document: PlacementDocument): Promise<PlacementServer> {
    const server = new PlacementServer(document)
    const { promise, resolve } = Promise.withResolvers<void>()
    server.#server.listen(0, '127.0.0.1', resolve)
    await promise
    owner.after(() => {
      server.#server.close()
      server.#server.closeAllConnections()
    })
    return server
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  publish(routes: readonly RouteSpec[]): void {
    this.replace({ routes })
  }

  /** The next version; `changes` replace top-level members. */
  replace(changes: Partial<PlacementDocument>): void {
    this.#document = { ...this.#document, ...changes, version: this.#document.version + 1 }
    for (const response of this.#waiting) this.#send(response)
    this.#waiting.clear()
  }

  #send(response: ServerResponse): void {
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(this.#document))
  }
}

export interface RoutedTopic {
  readonly fronting: readonly string[]
  readonly consumer: readonly string[]
  readonly topic: string
  readonly partitions: number
  readonly routes: readonly RouteSpec[]
}

export function routedDocument(topic: RoutedTopic): PlacementDocument {
  return {
    storeId: 'test',
    leaseTerm: 1,
    version: 1,
    clusters: [
      { id: 'fronting-a', role: 'fronting', bootstrap: topic.fronting },
      { id: 'consumer', role: 'consumer', bootstrap: topic.consumer },
    ],
    placements: [
      {
        topic: topic.topic,
        delivery: 'fast',
        cluster: 'fronting-a',
        holders: ['fronting-a'],
        partitions: topic.partitions,
        maxEventBytes: 2 ** 20,
        check: 'none',
        eventId: 'none',
        compression: 'none',
        mediaTypes: [],
      },
    ],
    routes: topic.routes,
  }
}

export function kafkaRoute(topic: string, target = topic): RouteSpec {
  return {
    id: `${topic}.kafka`,
    topic,
    sink: { type: 'kafka', cluster: 'consumer', topic: target },
    from: 'earliest',
    state: 'running',
  }
}

export function fileRoute(topic: string, directory: string, rotateBytes = 2 ** 27): RouteSpec {
  const sink = { type: 'file', directory, rotateBytes } as const
  return { id: `${topic}.file`, topic, sink, from: 'earliest', state: 'running' }
}

export interface StartedRouter {
  readonly process: TestProcess
  readonly url: string
}

export async function startRouter(
  owner: Cleanup,
  control: string,
  dataDir: string,
  args: readonly string[] = [],
): Promise<StartedRouter> {
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const common = ['--control', control, '--data-dir', dataDir, '--port', String(port)]
  const process = startProcess(owner, 'router', [...common, '--session-timeout', '6s', ...args])
  await process.waitForReady(url)
  return { process, url }
}

/** As a router tells it at `/readyz?verbose`. */
export interface JobReport {
  readonly state: string
  readonly for?: string
  readonly records: number
  readonly freshnessSeconds: number
}

/** By `route@cluster`. */
export async function jobsOf(url: string): Promise<Readonly<Record<string, JobReport>>> {
  const response = await fetch(`${url}/readyz?verbose`)
  const body = (await response.json()) as { checks: { jobs: { detail: Record<string, JobReport> } } }
  return body.checks.jobs.detail
}

/** The sum of one metric of a process over all its labels, or those with these values; 0 when it is not there. */
export async function metric(
  url: string,
  name: string,
  labels: Readonly<Record<string, string>> = {},
): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text()
  const wanted = Object.entries(labels).map(([label, value]) => `${label}="${value}"`)
  const lines = text
    .split('\n')
    .filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
    .filter((line) => wanted.every((label) => line.includes(label)))
  return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0)
}

/** The least records of the topic that any of the routes has committed. */
export async function committedRecords(
  bootstrap: readonly string[],
  topic: string,
  routes: readonly Pick<RouteSpec, 'id'>[],
): Promise<number> {
  const admin = new Kafka({ brokers: [...bootstrap], logLevel: logLevel.NOTHING }).admin()
  await admin.connect()
  try {
    const sums = await Promise.all(
      routes.map(async ({ id }) => {
        const [offsets] = await admin.fetchOffsets({ groupId: groupIdOf(id), topics: [topic] })
        return (offsets?.partitions ?? []).reduce((sum, { offset }) => sum + Math.max(0, Number(offset)), 0)
      }),
    )
    return Math.min(...sums)
  } finally {
    await admin.disconnect()
  }
}

/** A producer of kafkajs, which shares no code with Forebay; one partition per call. */
export async function testProducer(
  owner: Cleanup,
  bootstrap: readonly string[],
): Promise<(topic: string, partition: number, messages: readonly Message[]) => Promise<void>> {
  const kafka = new Kafka({ clientId: 'test-producer', brokers: [...bootstrap], logLevel: logLevel.NOTHING })
  const producer = kafka.producer({ allowAutoTopicCreation: false })
  await producer.connect()
  owner.after(() => producer.disconnect())
  return async (topic, partition, messages) => {
    await producer.send({ topic, acks: -1, messages: messages.map((one) => ({ ...one, partition })) })
  }
}
