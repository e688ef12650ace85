import { once } from 'node:events'
import { connect } from 'node:net'
import { parentPort, Worker, workerData } from 'node:worker_threads'

/** So many clients that write `head` at once, and then, if there is any, one byte of `drip` every 200 ms for as long as it lasts. */
export interface SlowKind {
  readonly kind: string
  readonly count: number
  readonly head: string
  readonly drip?: string
}

/** How the clients of one kind ended. */
export interface SlowEnd {
  readonly kind: string
  readonly closed: number
  /** Of those that were closed, from the connect. */
  readonly slowestMs: number
  /** Different first lines of what they were answered. */
  readonly answers: readonly string[]
}

interface Work {
  readonly url: string
  readonly kinds: readonly SlowKind[]
  readonly patienceMs: number
}

/**
 * Runs the clients in a thread, so that a thousand sockets do not delay the load whose times are measured, and resolves when all are
 * closed or after `patienceMs`.
 */
export async function slowClients(
  url: string,
  kinds: readonly SlowKind[],
  patienceMs: number,
): Promise<SlowEnd[]> {
  const worker = new Worker(import.meta.filename, { workerData: { url, kinds, patienceMs } satisfies Work })
  const [ends] = (await once(worker, 'message')) as [SlowEnd[]]
  await worker.terminate()
  return ends
}

interface SlowClient {
  readonly openedMs: number
  closedMs: number | undefined
  answer: string
}

function slowClient(url: string, { head, drip = '' }: SlowKind, onClose: () => void): SlowClient {
  const { hostname, port } = new URL(url)
  const socket = connect({ host: hostname, port: Number(port) })
  const client: SlowClient = { openedMs: performance.now(), closedMs: undefined, answer: '' }
  let at = 0
  const timer = setInterval(() => {
    if (at < drip.length && socket.writable) socket.write(drip.charAt(at))
    at += 1
  }, 200)
  socket.on('error', () => undefined)
  socket.on('data', (chunk: Buffer) => {
    client.answer += chunk.toString('latin1')
  })
  socket.on('close', () => {
    clearInterval(timer)
    client.closedMs = performance.now()
    onClose()
  })
  if (head !== '') socket.write(head)
  return client
}

function work({ url, kinds, patienceMs }: Work): void {
  let open = kinds.reduce((sum, { count }) => sum + count, 0)
  const report = (): void => {
    const ends = made.map(({ kind, clients }): SlowEnd => {
      const closed = clients.filter(({ closedMs }) => closedMs !== undefined)
      return {
        kind,
        closed: closed.length,
        slowestMs: Math.max(0, ...closed.map(({ closedMs = 0, openedMs }) => closedMs - openedMs)),
        answers: [
          ...new Set(clients.map(({ answer }) => answer.slice(0, answer.indexOf('\r\n') + 1).trim())),
        ],
      }
    })
    parentPort?.postMessage(ends)
  }
  const onClose = (): void => {
    open -= 1
    if (open === 0) report()
  }
  const made = kinds.map((one) => ({
    kind: one.kind,
    clients: Array.from({ length: one.count }, () => slowClient(url, one, onClose)),
  }))
  setTimeout(report, patienceMs)
}

if (parentPort !== null) work(workerData as Work)
