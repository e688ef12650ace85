import type { HttpAnswer } from './http-answers.ts'
import { type Address, HttpConnection } from './http-connection.ts'

export const connectionModes = ['keep-alive', 'new'] as const
export type ConnectionMode = (typeof connectionModes)[number]

export interface PoolHandlers<Request> {
  /** A connection may be free now. */
  readonly onFree: () => void
  readonly onAnswer: (request: Request, answer: HttpAnswer) => void
  /** Its connection ended before the answer; when not even it was `opened`, the request was surely not taken. */
  readonly onLost: (request: Request, opened: boolean) => void
}

const reconnectPauseMs = 50

/** Up to `size` connections, used in turn, so that none of them idles for longer than the others; broken ones are replaced. */
export class ConnectionPool<Request> {
  readonly #address: Address
  readonly #size: number
  readonly #mode: ConnectionMode
  readonly #handlers: PoolHandlers<Request>
  readonly #all = new Set<HttpConnection<Request>>()
  /** Open and without a request, oldest first (`keep-alive`). */
  #free: HttpConnection<Request>[] = []
  #failure: Error | undefined
  #destroyed = false

  constructor(address: Address, size: number, mode: ConnectionMode, handlers: PoolHandlers<Request>) {
    this.#address = address
    this.#size = size
    this.#mode = mode
    this.#handlers = handlers
  }

  /** Opens all connections (`keep-alive`), a hundred at a time: a listen queue is short. Rejects when one of them fails. */
  async connected(): Promise<void> {
    if (this.#mode === 'new') return
    while (this.#all.size < this.#size) {
      const wanted = Math.min(this.#size, this.#all.size + 100)
      while (this.#all.size < wanted) this.#open()
      while (this.#free.length < wanted) {
        if (this.#failure !== undefined) throw this.#failure
        await nextTurn()
      }
    }
  }

  /** False when no connection is free. */
  post(request: Request, head: Buffer, body: Buffer): boolean {
    if (this.#mode === 'new') {
      if (this.#all.size >= this.#size) return false
      this.#open((connection) => connection.post(request, head, body)).request = request
      return true
    }
    const connection = this.#free.shift()
    connection?.post(request, head, body)
    return connection !== undefined
  }

  /** Requests under way are lost. */
  destroy(): void {
    this.#destroyed = true
    for (const connection of this.#all) connection.destroy()
  }

  #open(
    onOpen = (connection: HttpConnection<Request>) => this.#release(connection),
  ): HttpConnection<Request> {
    const connection = new HttpConnection<Request>(this.#address, {
      onOpen,
      onAnswer: (_, request, answer) => this.#answered(connection, request, answer),
      onEnd: (_, error) => this.#ended(connection, error),
    })
    this.#all.add(connection)
    return connection
  }

  #release(connection: HttpConnection<Request>): void {
    this.#free.push(connection)
    this.#handlers.onFree()
  }

  #answered(connection: HttpConnection<Request>, request: Request, answer: HttpAnswer): void {
    this.#handlers.onAnswer(request, answer)
    // A server that says it closes must not get another request.
    if (this.#mode === 'new' || answer.closes) connection.destroy()
    else this.#release(connection)
  }

  #ended(connection: HttpConnection<Request>, error: Error | undefined): void {
    this.#all.delete(connection)
    this.#failure = error
    const { request, opened } = connection
    if (request !== undefined) this.#handlers.onLost(request, opened)
    if (this.#destroyed) return
    this.#free = this.#free.filter((free) => free !== connection)
    if (this.#mode === 'new') this.#handlers.onFree()
    else if (error === undefined) this.#open()
    else setTimeout(() => this.#destroyed || this.#open(), reconnectPauseMs)
  }
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 1))
}
