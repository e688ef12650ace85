import { connect, type Socket } from 'node:net'
import createRequest from 'kafkajs/src/protocol/request.js'
import type { Exchange } from 'kafkajs/src/protocol/requests/index.js'

export interface BrokerAddress {
  readonly host: string
  readonly port: number
}

/**
 * Why there is no answer. `refused`: the port is closed. `silent`: not within the limit, or the way there is broken. `closed`: an open
 * connection was ended by the other side, or by us. `unreadable`: something came that is no answer.
 */
export type NoAnswerKind = 'refused' | 'silent' | 'closed' | 'unreadable'

export class NoAnswerError extends Error {
  override readonly name = 'NoAnswerError'
  readonly kind: NoAnswerKind

  constructor(kind: NoAnswerKind, message: string, options?: ErrorOptions) {
    super(message, options)
    this.kind = kind
  }
}

interface Pending {
  readonly settle: (answer: Buffer | NoAnswerError) => void
  readonly timer: NodeJS.Timeout
}

const clientId = 'forebay-watch'
/** No answer that we ask for comes near it: 10,000 partitions are 1 MiB of metadata. */
const maxFrameBytes = 64 * 2 ** 20
const keepAliveMs = 60_000

/**
 * One connection to one broker. kafkajs encodes and decodes, so that the watch shares no wire code with the pipeline, whose bugs it must
 * not share. Its clients are left out, because a watch must tell what they hide: they retry, follow leaders, find group coordinators on
 * other brokers, measure time-outs by the wall clock, do not end while a broker hangs, and since their first answer wake up every
 * millisecond (a timer with a negative delay, of which Node warns). A request costs a timer here, and closing takes no time.
 *
 * A request without answer at its limit closes the connection: what a broker says late is not believed. Timers run before sockets are
 * read, so when it was we who stood still, what has come meanwhile is read before the broker is blamed (`setImmediate`).
 */
export class BrokerConnection {
  readonly #socket: Socket
  readonly #pending = new Map<number, Pending>()
  #correlationId = 0
  #ended: NoAnswerError | undefined
  #chunks: Buffer[] = []
  #received = 0
  /** Bytes of the next frame, its length included; 4 while that is not known. */
  #wanted = 4

  private constructor(socket: Socket) {
    this.#socket = socket
    socket.on('data', (chunk: Buffer) => this.#onData(chunk))
    socket.on('error', (error) => this.#end(new NoAnswerError('closed', error.message, { cause: error })))
    socket.on('close', () => this.#end(new NoAnswerError('closed', 'the broker closed the connection')))
  }

  /** Rejects with `NoAnswerError`, also when `stopped` is aborted. */
  static open(address: BrokerAddress, limitMs: number, stopped: AbortSignal): Promise<BrokerConnection> {
    const { promise, resolve, reject } = Promise.withResolvers<BrokerConnection>()
    if (stopped.aborted) return Promise.reject(stoppedError())
    const socket = connect(address)
    socket.setNoDelay(true)
    socket.setKeepAlive(true, keepAliveMs)
    const fail = (error: NoAnswerError) => {
      clearTimeout(timer)
      stopped.removeEventListener('abort', stop)
      socket.destroy()
      reject(error)
    }
    const stop = () => fail(stoppedError())
    const timer = setTimeout(
      () => setImmediate(() => socket.connecting && fail(late('connect', limitMs))),
      limitMs,
    )
    stopped.addEventListener('abort', stop)
    const onError = (error: NodeJS.ErrnoException) => fail(connectError(error))
    socket.on('error', onError)
    socket.once('connect', () => {
      clearTimeout(timer)
      stopped.removeEventListener('abort', stop)
      socket.off('error', onError)
      resolve(new BrokerConnection(socket))
    })
    return promise
  }

  get closed(): boolean {
    return this.#ended !== undefined
  }

  /** The decoded answer, Kafka's error codes and all. Rejects with `NoAnswerError`. */
  async ask<Answer>(exchange: Exchange<Answer>, limitMs: number): Promise<Answer> {
    const { request, response } = exchange
    this.#correlationId = (this.#correlationId + 1) & 0x7fff_ffff
    const correlationId = this.#correlationId
    const frame = await createRequest({ correlationId, clientId, request })
    const payload = await this.#send(correlationId, frame.buffer, limitMs)
    try {
      return await response.decode(payload)
    } catch (error) {
      const unreadable = new NoAnswerError('unreadable', `no ${request.apiName} answer`, { cause: error })
      this.#end(unreadable)
      throw unreadable
    }
  }

  /** Whatever is asked rejects. */
  close(): void {
    this.#end(new NoAnswerError('closed', 'the connection was closed by us'))
  }

  #send(correlationId: number, frame: Buffer, limitMs: number): Promise<Buffer> {
    const { promise, resolve, reject } = Promise.withResolvers<Buffer>()
    if (this.#ended !== undefined) return Promise.reject(this.#ended)
    const expire = () =>
      setImmediate(() => this.#pending.has(correlationId) && this.#end(late('answer', limitMs)))
    const settle = (answer: Buffer | NoAnswerError) => {
      clearTimeout(timer)
      this.#pending.delete(correlationId)
      if (answer instanceof NoAnswerError) reject(answer)
      else resolve(answer)
    }
    const timer = setTimeout(expire, limitMs)
    this.#pending.set(correlationId, { settle, timer })
    this.#socket.write(frame)
    return promise
  }

  #onData(chunk: Buffer): void {
    this.#chunks.push(chunk)
    this.#received += chunk.length
    while (this.#received >= this.#wanted && this.#ended === undefined) {
      const data = this.#chunks.length === 1 ? (this.#chunks[0] as Buffer) : Buffer.concat(this.#chunks)
      const frameBytes = 4 + data.readInt32BE(0)
      if (frameBytes < 8 || frameBytes > maxFrameBytes) {
        this.#end(new NoAnswerError('unreadable', `an answer of ${frameBytes} bytes was announced`))
        return
      }
      const isWhole = data.length >= frameBytes
      const rest = isWhole ? data.subarray(frameBytes) : data
      this.#chunks = [rest]
      this.#received = rest.length
      this.#wanted = isWhole ? 4 : frameBytes
      // An answer that nobody awaits cannot come: what was given up ended the connection.
      if (isWhole) this.#pending.get(data.readInt32BE(4))?.settle(data.subarray(8, frameBytes))
    }
  }

  #end(reason: NoAnswerError): void {
    if (this.#ended !== undefined) return
    this.#ended = reason
    this.#socket.destroy()
    this.#chunks = []
    for (const { settle } of [...this.#pending.values()]) settle(reason)
  }
}

function late(what: 'connect' | 'answer', limitMs: number): NoAnswerError {
  const text = what === 'connect' ? 'no connection' : 'no answer'
  return new NoAnswerError('silent', `${text} within ${Math.round(limitMs)} ms`)
}

function stoppedError(): NoAnswerError {
  return new NoAnswerError('closed', 'stopped')
}

/** Only a closed port refuses: a network that is unreachable says nothing of the broker. */
function connectError(error: NodeJS.ErrnoException): NoAnswerError {
  const refused = error.code === 'ECONNREFUSED' || error.code === 'ECONNRESET'
  return new NoAnswerError(refused ? 'refused' : 'silent', error.message, { cause: error })
}
