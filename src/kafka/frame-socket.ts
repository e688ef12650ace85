import type { Socket } from 'node:net'
import { Connection, type ConnectionOptions } from '@platformatic/kafka'
import { certifiedAs, connectByName } from './name-cache.ts'
import { WireReader } from './wire-reader.ts'

export interface FrameSocketOptions {
  readonly clientId: string
  readonly connectTimeoutMs: number
  /** A larger answer closes the connection. */
  readonly maxFrameBytes?: number
  readonly security?: Pick<ConnectionOptions, 'tls' | 'sasl'>
}

export interface BrokerAddress {
  readonly host: string
  readonly port: number
}

/** The request was written; whether the broker acted on it is unknown. */
export class UnansweredError extends Error {
  override readonly name = 'UnansweredError'
}

export type ResponseCallback = (error: Error | undefined, response: Buffer | undefined) => void

interface Pending {
  readonly done: ResponseCallback
  readonly timer: NodeJS.Timeout
}

const defaultMaxFrameBytes = 128 * 2 ** 20
const nothing = Buffer.alloc(0)
/** A first part up to this long is copied behind the header: that is cheaper than one more buffer in the writev. */
const longestJoined = 2048

/**
 * Kafka frames on the socket of a connection that @platformatic/kafka opened and authenticated. The library's own send path joins and
 * copies every buffer of a request and of an answer (DESIGN.md "The byte path"); here a request's buffers go to one writev, and an
 * answer is one buffer that belongs to the callee.
 *
 * Once a request passes its deadline the connection is closed, and every request on it answers `UnansweredError`: a late answer of a
 * broker that hung is never believed (rules: a woken broker acknowledges what it then truncates).
 */
export class FrameSocket {
  readonly #socket: Socket
  readonly #clientId: Buffer
  readonly #maxFrameBytes: number
  readonly #pending = new Map<number, Pending>()
  readonly #closeListeners: ((reason: Error) => void)[] = []
  #correlationId = 0
  #closed: Error | undefined
  #frame: Buffer | undefined
  #filled = 0
  #rest: Buffer | undefined

  private constructor(connection: Connection, options: FrameSocketOptions) {
    this.#socket = connection.socket
    this.#clientId = Buffer.from(options.clientId)
    this.#maxFrameBytes = options.maxFrameBytes ?? defaultMaxFrameBytes
    this.#socket.removeAllListeners('data')
    this.#socket.on('data', (chunk: Buffer) => this.#onData(chunk))
    this.#socket.once('close', () => this.close(new Error('the broker closed the connection')))
  }

  /** Rejects when the broker cannot be reached or does not authenticate us within `connectTimeoutMs`. */
  static async open(address: BrokerAddress, options: FrameSocketOptions): Promise<FrameSocket> {
    const connection = new Connection(options.clientId, {
      connectTimeout: options.connectTimeoutMs,
      ...certifiedAs(address.host, options.security),
    })
    let last: Error | undefined
    connection.on('error', (error: Error) => {
      last = error
    })
    try {
      await connectByName(connection, address, options.connectTimeoutMs)
    } catch (error) {
      throw new Error(`cannot connect to broker ${address.host}:${address.port}`, { cause: last ?? error })
    }
    return new FrameSocket(connection, options)
  }

  get closed(): boolean {
    return this.#closed !== undefined
  }

  get inFlight(): number {
    return this.#pending.size
  }

  /** Called once when the connection is gone, whoever closed it, after every pending request was answered with an error. */
  onClose(listener: (reason: Error) => void): void {
    this.#closeListeners.push(listener)
  }

  /**
   * Writes one request with a flexible header (v2) and calls `done` once: with the answer after its header (v1), or with
   * `UnansweredError`. The buffers of `body` must not change until `done` was called.
   */
  request(
    apiKey: number,
    apiVersion: number,
    body: readonly Buffer[],
    timeoutMs: number,
    done: ResponseCallback,
  ): void {
    if (this.#closed !== undefined) {
      done(new UnansweredError('the connection is closed', { cause: this.#closed }), undefined)
      return
    }
    this.#correlationId = (this.#correlationId + 1) & 0x7fff_ffff
    const correlationId = this.#correlationId
    const timer = setTimeout(() => this.#onDeadline(correlationId, timeoutMs), timeoutMs)
    this.#pending.set(correlationId, { done, timer })
    const [first = nothing] = body
    const joined = first.length <= longestJoined
    this.#socket.cork()
    this.#socket.write(this.#head(apiKey, apiVersion, body, joined ? first : nothing))
    for (let index = joined ? 1 : 0; index < body.length; index += 1) {
      this.#socket.write(body[index] as Buffer)
    }
    this.#socket.uncork()
  }

  /** Answers every pending request with `UnansweredError` and destroys the socket. */
  close(reason: Error = new Error('closed by us')): void {
    if (this.#closed !== undefined) return
    this.#closed = reason
    this.#socket.destroy()
    const pending = [...this.#pending.values()]
    this.#pending.clear()
    for (const { done, timer } of pending) {
      clearTimeout(timer)
      done(new UnansweredError(reason.message, { cause: reason }), undefined)
    }
    for (const listener of this.#closeListeners) listener(reason)
  }

  /**
   * When our own loop stood still, timers are late and run before sockets are read: what has come meanwhile is taken before the broker
   * is blamed. So a stopped process that wakes up does not take every request for timed out.
   */
  #onDeadline(correlationId: number, timeoutMs: number): void {
    setImmediate(() => {
      if (this.#pending.has(correlationId)) this.close(new Error(`no answer within ${timeoutMs} ms`))
    })
  }

  /** The header, and `first` behind it. */
  #head(apiKey: number, apiVersion: number, body: readonly Buffer[], first: Buffer): Buffer {
    let length = 11 + this.#clientId.length
    const headerBytes = 4 + length
    const head = Buffer.allocUnsafe(headerBytes + first.length)
    for (const part of body) length += part.length
    head.writeInt32BE(length, 0)
    head.writeInt16BE(apiKey, 4)
    head.writeInt16BE(apiVersion, 6)
    head.writeInt32BE(this.#correlationId, 8)
    head.writeInt16BE(this.#clientId.length, 12)
    this.#clientId.copy(head, 14)
    head[headerBytes - 1] = 0 // no tagged fields
    first.copy(head, headerBytes)
    return head
  }

  #onData(chunk: Buffer): void {
    let data = chunk
    if (this.#rest !== undefined) {
      data = Buffer.concat([this.#rest, chunk])
      this.#rest = undefined
    }
    let position = 0
    while (position < data.length && this.#closed === undefined) {
      if (this.#frame === undefined) {
        if (data.length - position < 4) {
          this.#rest = data.subarray(position)
          return
        }
        const length = data.readInt32BE(position)
        if (length < 5 || length > this.#maxFrameBytes) {
          this.close(new Error(`the broker announced an answer of ${length} bytes`))
          return
        }
        this.#frame = Buffer.allocUnsafeSlow(length)
        this.#filled = 0
        position += 4
      }
      const copied = data.copy(this.#frame, this.#filled, position)
      this.#filled += copied
      position += copied
      if (this.#filled === this.#frame.length) this.#onFrame(this.#frame)
    }
  }

  #onFrame(frame: Buffer): void {
    this.#frame = undefined
    const correlationId = frame.readInt32BE(0)
    const pending = this.#pending.get(correlationId)
    if (pending === undefined) {
      this.close(new Error(`an answer to request ${correlationId}, which is not ours`))
      return
    }
    this.#pending.delete(correlationId)
    clearTimeout(pending.timer)
    const reader = new WireReader(frame, 4)
    reader.taggedFields()
    pending.done(undefined, frame.subarray(reader.position))
  }
}
