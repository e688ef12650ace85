import { rmSync } from 'node:fs'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { BrokerStatus, KafkaCluster } from './kafka-cluster.ts'

export const brokerActions = ['start', 'stop', 'kill', 'pause', 'resume'] as const
export type BrokerAction = (typeof brokerActions)[number]

/** One row of `forebay local list`; `broker` is written `CLUSTER/BROKER`. */
export interface BrokerRow {
  readonly broker: string
  readonly state: BrokerStatus['state']
  readonly port: number
  readonly pid: number | null
  readonly rack: string | null
}

export interface StackApiOptions {
  readonly socketPath: string
  readonly clusters: readonly KafkaCluster[]
  /** Called after each action. */
  readonly onChange: (row: BrokerRow, action: BrokerAction) => void
}

/**
 * What `forebay local` talks to: HTTP on a Unix socket, so that no port is taken. `GET /brokers`, `POST /brokers/CLUSTER/BROKER/ACTION`.
 * Errors are `{error}` with a sentence: 404 no such broker, 409 it cannot be done now.
 */
export async function openStackApi(options: StackApiOptions): Promise<Server> {
  rmSync(options.socketPath, { force: true })
  const server = createServer((request, response) => {
    answer(options, request).then(
      ({ status, body }) => send(response, status, body),
      (error: Error) => send(response, 409, { error: error.message }),
    )
  })
  const listening = Promise.withResolvers<void>()
  server.once('error', listening.reject)
  server.listen(options.socketPath, listening.resolve)
  await listening.promise
  return server
}

export function brokerRows(clusters: readonly KafkaCluster[]): BrokerRow[] {
  return clusters.flatMap(({ name, brokers }) =>
    brokers.map(({ id, state, port, pid, rack }) => ({
      broker: `${name}/${id}`,
      state,
      port,
      pid: pid ?? null,
      rack: rack ?? null,
    })),
  )
}

interface Answer {
  readonly status: number
  readonly body: unknown
}

async function answer(
  { clusters, onChange }: StackApiOptions,
  { method, url = '' }: IncomingMessage,
): Promise<Answer> {
  if (method === 'GET' && url === '/brokers') return { status: 200, body: { brokers: brokerRows(clusters) } }
  const [, first, name = '', id = '', word] = url.split('/')
  const action = brokerActions.find((known) => known === word)
  if (method !== 'POST' || first !== 'brokers' || action === undefined) {
    return { status: 404, body: { error: `there is no ${method} ${url}` } }
  }
  const rows = () => brokerRows(clusters)
  const wanted = `${name}/${id}`
  const cluster = clusters.find((known) => known.name === name)
  if (cluster === undefined || !rows().some(({ broker }) => broker === wanted)) {
    const known = rows().map(({ broker }) => broker)
    return { status: 404, body: { error: `there is no broker ${wanted}; there are ${known.join(', ')}` } }
  }
  await act(cluster, Number(id), action)
  const row = rows().find(({ broker }) => broker === wanted)
  if (row !== undefined) onChange(row, action)
  return { status: 200, body: row }
}

async function act(cluster: KafkaCluster, id: number, action: BrokerAction): Promise<void> {
  switch (action) {
    case 'start':
      return cluster.startBroker(id)
    case 'stop':
      return cluster.stopBroker(id)
    case 'kill':
      return cluster.killBroker(id)
    case 'pause':
      return cluster.pauseBroker(id)
    case 'resume':
      return cluster.resumeBroker(id)
  }
}

function send(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}
