import { connect, type Socket } from 'node:net'
import type { Body } from './bodies.ts'
import { type HttpAnswer, HttpAnswers } from './http-answers.ts'

/** One POST: which body goes where. */
export interface PostRequest {
  readonly path: string
  readonly body: Body
}

export interface Address {
  readonly host: string
  readonly port: number
}

export interface ConnectionHandlers<Request> {
  readonly onOpen: (connection: HttpConnection<Request>) => void
  readonly onAnswer: (connection: HttpConnection<Request>, request: Request, answer: HttpAnswer) => void
  /** Once, when the connection has ended for whatever reason; `error` when it was not the peaceful one. */
  readonly onEnd: (connection: HttpConnection<Request>, error: Error | undefined) => void
}

/** A client connection with at most one request under way, from bytes encoded beforehand. */
export class HttpConnection<Request> {
  /** Written and not answered. */
  request: Request | undefined
  opened = false
  readonly #socket: Socket
  readonly #answers = new HttpAnswers()
  readonly #handlers: ConnectionHandlers<Request>
  #error: Error | undefined

  constructor(address: Address, handlers: ConnectionHandlers<Request>) {
    this.#handlers = handlers
    this.#socket = connect({ ...address, noDelay: true })
    this.#socket.once('connect', () => {
      this.opened = true
      handlers.onOpen(this)
    })
    this.#socket.on('data', (chunk) => this.#read(chunk))
    this.#socket.once('error', (error) => {
      this.#error ??= error
    })
    this.#socket.once('close', () => handlers.onEnd(this, this.#error))
  }

  post(request: Request, head: Buffer, body: Buffer): void {
    this.request = request
    this.#socket.cork()
    this.#socket.write(head)
    this.#socket.write(body)
    this.#socket.uncork()
  }

  destroy(): void {
    this.#socket.destroy()
  }

  #read(chunk: Buffer): void {
    try {
      for (const answer of this.#answers.push(chunk)) {
        const { request } = this
        if (request === undefined) throw new Error('an answer without a request')
        this.request = undefined
        this.#handlers.onAnswer(this, request, answer)
      }
    } catch (error) {
      this.#socket.destroy(error as Error)
    }
  }
}

/** Heads are made once per path, media type and length. */
export class RequestHeads {
  readonly #lines: string
  readonly #made = new Map<string, Map<number, Buffer>>()

  constructor({ host, port }: Address, keepAlive: boolean) {
    this.#lines = `Host: ${host}:${port}\r\n${keepAlive ? '' : 'Connection: close\r\n'}`
  }

  of({ path, body: { contentType, bytes } }: PostRequest): Buffer {
    let lengths = this.#made.get(path)
    if (lengths === undefined) {
      lengths = new Map()
      this.#made.set(path, lengths)
    }
    let head = lengths.get(bytes.length)
    if (head === undefined) {
      head = Buffer.from(
        `POST ${path} HTTP/1.1\r\n${this.#lines}Content-Type: ${contentType}\r\nContent-Length: ${bytes.length}\r\n\r\n`,
      )
      // Real data has many lengths: kept for the common ones only.
      if (lengths.size < 1000) lengths.set(bytes.length, head)
    }
    return head
  }
}
