import { connect, createServer, type Server, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

/** What is wrong with the way to one broker; everything absent is well. */
export interface TcpFault {
  /** Every answer comes this much later; requests go through at once. */
  readonly delayAnswersMs?: number
  /** The broker gets every request and acts on it, the client never sees the answer. */
  readonly dropAnswers?: boolean
  /** The broker never sees a request; the connection stays open. */
  readonly dropRequests?: boolean
  /** Instead of every n-th answer of the broker the client gets a reset. */
  readonly resetEveryAnswers?: number
  /** Only these clients feel it; default every one. */
  readonly onlyFor?: (client: Socket) => boolean
}

const well: TcpFault = {}

/**
 * Stands between clients and one broker, as its advertised listener. Cuts the bytes into Kafka frames (a length of four bytes, then so
 * many), so that an answer is dropped, delayed or replaced by a reset as a whole. Brokers talk to each other past it.
 */
export class TcpFaultProxy {
  readonly port: number
  #server: Server
  #targetPort: number | undefined
  #fault = well
  #answers = 0
  #connections = 0
  #requests = 0
  readonly #clients = new Set<Socket>()
  /** Connections that lack bytes: their framing is broken, so they end with the fault. */
  readonly #tainted = new Set<Socket>()

  private constructor(server: Server, port: number) {
    this.port = port
    this.#server = server
  }

  /** Listens at once, so that nobody else takes the port; connections are reset until `target` was called. */
  static async listen(): Promise<TcpFaultProxy> {
    const server = await listening(0)
    const address = server.address()
    if (address === null || typeof address === 'string') throw new Error('the server has no port')
    const proxy = new TcpFaultProxy(server, address.port)
    server.on('connection', (client) => proxy.#onClient(client))
    return proxy
  }

  target(port: number): void {
    this.#targetPort = port
  }

  /** Clients that have connected so far; also those that found nobody behind it. */
  get connections(): number {
    return this.#connections
  }

  /** Requests that have come so far. */
  get requests(): number {
    return this.#requests
  }

  /** Connections that lost something to the fault. */
  get tainted(): number {
    return this.#tainted.size
  }

  /** Replaces the fault; `{}` heals. */
  set(fault: TcpFault): void {
    this.#fault = fault
    if (fault.dropAnswers === true || fault.dropRequests === true) return
    for (const client of this.#tainted) client.resetAndDestroy()
    this.#tainted.clear()
  }

  /** Resets the connections that are open; new ones are welcome. */
  cut(): void {
    for (const client of this.#clients) client.resetAndDestroy()
  }

  /** Refuses connections, as the port of a dead process does. */
  async down(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve))
    for (const client of this.#clients) client.resetAndDestroy()
    await closed
  }

  /** Listens again; retries when the system lent the port to somebody meanwhile. */
  async up(): Promise<void> {
    if (this.#server.listening) return
    for (let attempt = 1; ; attempt += 1) {
      try {
        this.#server = await listening(this.port)
        this.#server.on('connection', (client) => this.#onClient(client))
        return
      } catch (error) {
        if (attempt === 100) throw error
        await sleep(100)
      }
    }
  }

  async close(): Promise<void> {
    if (this.#server.listening) await this.down()
  }

  #onClient(client: Socket): void {
    this.#connections += 1
    if (this.#targetPort === undefined) {
      client.resetAndDestroy()
      return
    }
    const broker = connect({ host: '127.0.0.1', port: this.#targetPort, noDelay: true })
    client.setNoDelay(true)
    this.#clients.add(client)
    client.on(
      'data',
      frames((frame) => this.#onRequest(client, broker, frame)),
    )
    broker.on(
      'data',
      frames((frame) => this.#onAnswer(client, frame)),
    )
    const end = (): void => {
      this.#clients.delete(client)
      this.#tainted.delete(client)
      client.destroy()
      broker.destroy()
    }
    for (const socket of [client, broker]) {
      socket.on('error', end)
      socket.on('close', end)
    }
  }

  #faultOf(client: Socket): TcpFault {
    const { onlyFor } = this.#fault
    return onlyFor === undefined || onlyFor(client) ? this.#fault : well
  }

  #onRequest(client: Socket, broker: Socket, frame: Buffer): void {
    this.#requests += 1
    if (this.#faultOf(client).dropRequests === true) this.#tainted.add(client)
    else broker.write(frame)
  }

  #onAnswer(client: Socket, frame: Buffer): void {
    const { dropAnswers, delayAnswersMs, resetEveryAnswers } = this.#faultOf(client)
    this.#answers += 1
    if (dropAnswers === true) this.#tainted.add(client)
    else if (resetEveryAnswers !== undefined && this.#answers % resetEveryAnswers === 0)
      client.resetAndDestroy()
    else if (delayAnswersMs !== undefined) setTimeout(() => send(client, frame), delayAnswersMs)
    else send(client, frame)
  }
}

function send(client: Socket, frame: Buffer): void {
  if (client.writable) client.write(frame)
}

async function listening(port: number): Promise<Server> {
  const server = createServer()
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  server.once('error', reject)
  server.listen(port, '127.0.0.1', resolve)
  await promise
  return server
}

/** A listener for `data` that hands over whole frames, their length included. */
function frames(onFrame: (frame: Buffer) => void): (chunk: Buffer) => void {
  let chunks: Buffer[] = []
  let bytes = 0
  let wanted = 4
  return (chunk) => {
    chunks.push(chunk)
    bytes += chunk.length
    if (bytes < wanted) return
    let data = chunks.length === 1 ? chunk : Buffer.concat(chunks, bytes)
    while (data.length >= 4 && data.length >= 4 + data.readUInt32BE(0)) {
      const length = 4 + data.readUInt32BE(0)
      onFrame(data.subarray(0, length))
      data = data.subarray(length)
    }
    chunks = data.length === 0 ? [] : [data]
    bytes = data.length
    wanted = bytes < 4 ? 4 : 4 + data.readUInt32BE(0)
  }
}
