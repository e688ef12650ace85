import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { KafkaCluster } from './kafka-cluster.ts'
import type { StackLayout } from './stack-layout.ts'

export type StackHook = 'scale-up' | 'scale-down'

export interface StackHooksOptions {
  readonly port: number
  readonly clusters: readonly KafkaCluster[]
  /** A broker, written `CLUSTER/BROKER`, was woken or put to sleep. */
  readonly onScaled: (broker: string, hook: StackHook) => void
}

/** What the control plane is told to call. */
export function hookUrl({ hookPort }: StackLayout, hook: StackHook): string {
  return `http://127.0.0.1:${hookPort}/${hook}`
}

/**
 * The stack as the autoscaler of its standbys: `POST /scale-up` and `/scale-down` with `{"standby": NAME, "key": KEY}`. Answers when the
 * brokers that sleep in that cluster are up, or stopped again. A call comes at least once: the same key (or header `Idempotency-Key`)
 * gets the first one's answer, and what is there already is no error.
 */
export async function openStackHooks({ port, clusters, onScaled }: StackHooksOptions): Promise<Server> {
  const answers = new Map<string, Promise<readonly string[]>>()
  // One after the other: a broker that is still stopping cannot be started.
  let last: Promise<unknown> = Promise.resolve()
  const scale = async (hook: StackHook, standby: string): Promise<readonly string[]> => {
    const cluster = clusters.find(({ name }) => name === standby)
    if (cluster === undefined) throw new Error(`there is no cluster ${standby}`)
    const brokers = cluster.sleepers.filter(({ state }) =>
      hook === 'scale-up'
        ? state === 'stopped' || state === 'failed'
        : state === 'running' || state === 'paused',
    )
    for (const { id } of brokers) {
      await (hook === 'scale-up' ? cluster.startBroker(id) : cluster.stopBroker(id))
      onScaled(`${standby}/${id}`, hook)
    }
    return brokers.map(({ id }) => `${standby}/${id}`)
  }
  const once = (key: string, work: () => Promise<readonly string[]>): Promise<readonly string[]> => {
    const known = answers.get(key)
    if (known !== undefined) return known
    const begun = last.then(work)
    last = begun.catch(() => undefined)
    answers.set(key, begun)
    // What failed is tried again.
    begun.catch(() => answers.delete(key))
    return begun
  }
  const server = createServer((request, response) => {
    const respond = (status: number, body: unknown) =>
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
    take(request, once, scale).then(
      (body) => respond(body === undefined ? 404 : 200, body ?? { error: 'no such hook' }),
      (error: Error) => respond(500, { error: error.message }),
    )
  })
  const listening = Promise.withResolvers<void>()
  server.once('error', listening.reject)
  server.listen(port, '127.0.0.1', listening.resolve)
  await listening.promise
  return server
}

async function take(
  request: IncomingMessage,
  once: (key: string, work: () => Promise<readonly string[]>) => Promise<readonly string[]>,
  scale: (hook: StackHook, standby: string) => Promise<readonly string[]>,
): Promise<{ readonly brokers: readonly string[] } | undefined> {
  const hook = (['scale-up', 'scale-down'] as const).find((name) => request.url === `/${name}`)
  if (request.method !== 'POST' || hook === undefined) return undefined
  const parts: Buffer[] = []
  for await (const part of request) parts.push(part as Buffer)
  const { standby, key } = JSON.parse(Buffer.concat(parts).toString()) as { standby: string; key?: string }
  const { 'idempotency-key': header } = request.headers
  const name = String(header ?? key ?? '')
  if (name === '') throw new Error('the call has no idempotency key')
  return { brokers: await once(`${hook} ${name}`, () => scale(hook, standby)) }
}
