import { setTimeout as sleep } from 'node:timers/promises'
import { Connection, type ConnectionOptions } from '@platformatic/kafka'
import { parseAddress } from './cluster-metadata.ts'
import type { BrokerAddress } from './frame-socket.ts'

export interface AdminCallerOptions {
  /** `host:port` of a few brokers to start from. */
  readonly bootstrap: readonly string[]
  readonly clientId: string
  /** A broker that does not answer within this is left for the next one. */
  readonly attemptTimeoutMs: number
  readonly security?: Pick<ConnectionOptions, 'tls' | 'sasl'>
}

/** No broker of the cluster answered in time; `cause` is what the last one did. A change may have been made nevertheless. */
export class ClusterUnavailableError extends Error {
  override readonly name = 'ClusterUnavailableError'
}

/** One request on a connection that is open; asked again elsewhere when it rejects. */
export type Question<Answer> = (connection: Connection) => Promise<Answer>

const pauseMs = 200
/** An unused connection is closed after this, so that a control plane of many clusters holds few. */
const idleMs = 5000
/** Errors of the client library that another broker would not mend. */
const hopeless = /^PLT_KFK_(USER|UNSUPPORTED|AUTHENTICATION|OUT_OF_BOUNDS)/

/**
 * Asks any broker of a cluster, one after the other until one answers. Which one is the controller does not matter: KRaft brokers
 * forward what only it can do (KIP-590).
 */
export class AdminCaller {
  readonly #options: AdminCallerOptions
  #addresses: readonly BrokerAddress[]
  #next = 0
  #connection: Promise<Connection> | undefined
  #busy = 0
  #idle: NodeJS.Timeout | undefined
  readonly #closing = new AbortController()

  constructor(options: AdminCallerOptions) {
    this.#options = options
    this.#addresses = options.bootstrap.map(parseAddress)
  }

  /** Brokers that the cluster named: asked too from now on, after those of the bootstrap list. */
  learn(brokers: readonly BrokerAddress[]): void {
    const first = this.#options.bootstrap.map(parseAddress)
    const others = brokers.filter((a) => !first.some((b) => a.host === b.host && a.port === b.port))
    this.#addresses = [...first, ...others]
  }

  /**
   * The answer of the first broker that gives one, error codes and all: the library rejects with the answer hanging on the error where
   * one part of it failed. Rejects with `ClusterUnavailableError` after `deadlineMs`.
   */
  async call<Answer>(question: Question<Answer>, deadlineMs: number): Promise<Answer> {
    const endMs = performance.now() + deadlineMs
    let cause: unknown
    for (let attempt = 1; ; attempt += 1) {
      const leftMs = endMs - performance.now()
      if (this.#closing.signal.aborted || leftMs <= 0) break
      try {
        return await this.#attempt(question, Math.min(leftMs, this.#options.attemptTimeoutMs))
      } catch (error) {
        cause = error
        if (hopeless.test(String((error as { code?: unknown }).code))) throw error
        this.#next += 1
        if (attempt % this.#addresses.length === 0)
          await this.#rest(Math.min(pauseMs, endMs - performance.now()))
      }
    }
    throw new ClusterUnavailableError(
      `no broker of ${this.#options.bootstrap.join(', ')} answered within ${Math.round(deadlineMs)} ms`,
      { cause },
    )
  }

  /** Ends the connection and every call. */
  async close(): Promise<void> {
    this.#closing.abort()
    await this.#drop()
  }

  async #attempt<Answer>(question: Question<Answer>, timeoutMs: number): Promise<Answer> {
    const late = Promise.withResolvers<never>()
    const timer = setTimeout(
      () => late.reject(new Error(`no answer within ${Math.round(timeoutMs)} ms`)),
      timeoutMs,
    )
    clearTimeout(this.#idle)
    this.#busy += 1
    const opening = this.#open()
    try {
      return await Promise.race([opening.then((connection) => answerOf(question(connection))), late.promise])
    } catch (error) {
      if (this.#connection === opening) await this.#drop()
      throw error
    } finally {
      clearTimeout(timer)
      this.#busy -= 1
      if (this.#busy === 0) this.#closeWhenIdle()
    }
  }

  #open(): Promise<Connection> {
    this.#connection ??= this.#connect()
    return this.#connection
  }

  async #connect(): Promise<Connection> {
    const { clientId, attemptTimeoutMs, security } = this.#options
    const address = this.#addresses[this.#next % this.#addresses.length]
    if (address === undefined) throw new Error('no broker address is known')
    const connection = new Connection(clientId, {
      connectTimeout: attemptTimeoutMs,
      requestTimeout: attemptTimeoutMs,
      ...security,
    })
    // Pending calls reject with it; between calls the next one opens another connection.
    connection.on('error', () => this.#forget(connection))
    connection.on('close', () => this.#forget(connection))
    await connection.connect(address.host, address.port)
    return connection
  }

  #forget(connection: Connection): void {
    const present = this.#connection
    present?.then(
      (other) => {
        if (other === connection && this.#connection === present) this.#connection = undefined
      },
      () => undefined,
    )
  }

  #closeWhenIdle(): void {
    this.#idle = setTimeout(() => void this.#drop(), idleMs)
    this.#idle.unref()
  }

  async #drop(): Promise<void> {
    clearTimeout(this.#idle)
    const dropped = this.#connection
    this.#connection = undefined
    try {
      const connection = await dropped
      connection?.socket.destroy()
    } catch {
      // It never opened; the call that wanted it was told.
    }
  }

  async #rest(ms: number): Promise<void> {
    if (ms <= 0) return
    await sleep(ms, undefined, { signal: this.#closing.signal }).catch(() => undefined)
  }
}

/** REQUEST_TIMED_OUT, NOT_CONTROLLER, THROTTLING_QUOTA_EXCEEDED: "not now", to be asked again like no answer. */
const notNow = new Set([7, 41, 89])

async function answerOf<Answer>(answer: Promise<Answer>): Promise<Answer> {
  try {
    return await answer
  } catch (error) {
    const { response } = error as { response?: Answer }
    if (response === undefined || saysNotNow(response)) throw error
    return response
  }
}

/** Whether a part of the answer (a topic, a resource) has one of those error codes. */
function saysNotNow(answer: unknown): boolean {
  return Object.values(answer as Record<string, unknown>)
    .filter((part) => Array.isArray(part))
    .flat()
    .some((part: { errorCode?: number } | null) => notNow.has(part?.errorCode ?? 0))
}
