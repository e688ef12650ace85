import type { Exchange } from 'kafkajs/src/protocol/requests/index.js'
import { type BrokerAddress, BrokerConnection, NoAnswerError } from './broker-connection.ts'

/**
 * The way to one broker for one purpose: a connection that is opened when it is needed and again after it broke. Each purpose has its
 * own, because a broker serves one request per connection at a time. `close` ends it and whatever is asked.
 */
export class BrokerLink {
  readonly address: BrokerAddress
  readonly #stopped = new AbortController()
  #connection: BrokerConnection | undefined
  #opening: Promise<BrokerConnection> | undefined

  constructor(address: BrokerAddress) {
    this.address = address
  }

  /**
   * Rejects with `NoAnswerError` after `limitMs` at the latest, connecting included. A connection that turns out to be closed is not the
   * broker's word of now: it is opened anew once. One that is closed as soon as it was opened is `refused`.
   */
  async ask<Answer>(exchange: Exchange<Answer>, limitMs: number): Promise<Answer> {
    const endMs = performance.now() + limitMs
    const used = this.#connection
    if (used !== undefined && !used.closed) {
      try {
        return await used.ask(exchange, limitMs)
      } catch (error) {
        if (!isClosed(error) || this.#stopped.signal.aborted) throw error
      }
    }
    const opened = await this.#open(endMs - performance.now())
    try {
      return await opened.ask(exchange, Math.max(1, endMs - performance.now()))
    } catch (error) {
      if (!isClosed(error) || this.#stopped.signal.aborted) throw error
      throw new NoAnswerError('refused', 'the broker closed a new connection', { cause: error })
    }
  }

  close(): void {
    this.#stopped.abort()
    this.#connection?.close()
  }

  #open(limitMs: number): Promise<BrokerConnection> {
    this.#opening ??= this.#connect(limitMs).finally(() => {
      this.#opening = undefined
    })
    return this.#opening
  }

  async #connect(limitMs: number): Promise<BrokerConnection> {
    const connection = await BrokerConnection.open(this.address, Math.max(1, limitMs), this.#stopped.signal)
    this.#connection = connection
    if (this.#stopped.signal.aborted) connection.close()
    return connection
  }
}

function isClosed(error: unknown): boolean {
  return error instanceof NoAnswerError && error.kind === 'closed'
}
