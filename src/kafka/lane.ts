import type { Clock } from '../core/clock.ts'
import type { LaneState } from './cluster-state.ts'
import type { FrameSocket } from './frame-socket.ts'
import { LaneBreaker } from './lane-breaker.ts'
import type { Acks } from './outgoing-batch.ts'
import {
  decodeProduceResponse,
  encodeProduceRequest,
  type ProducePart,
  type ProduceResult,
  produceApiKey,
  produceApiVersion,
} from './produce-request.ts'

export interface LaneLimits {
  /** Requests sent and unanswered. */
  readonly maxInFlight: number
  /** Bytes sent and unanswered; one request larger than this goes alone. */
  readonly maxBytes: number
  /** A request unanswered for this long is ambiguous, and its connection is closed. */
  readonly requestTimeoutMs: number
  /** A lane whose oldest request waits longer than this gets no unkeyed batches while others drain (KIP-794 availability timeout). */
  readonly stallMs: number
  /** How long a lane that did not answer is left alone; one that merely lost its connection less at first. */
  readonly leaveOutMs: number
}

export interface LaneOptions {
  readonly broker: number
  readonly acks: Acks
  readonly limits: LaneLimits
  readonly clock: Clock
  /** Connects to the broker as it is known now; rejects when it cannot be reached. */
  readonly open: () => Promise<FrameSocket>
  /** There is room again, or the connection came or went: look for work. */
  readonly onChange: () => void
}

export type LaneAnswer =
  | { readonly kind: 'answered'; readonly results: readonly ProduceResult[] }
  | { readonly kind: 'unanswered'; readonly error: Error }

interface InFlight {
  readonly bytes: number
  readonly sentMs: number
}

/**
 * The bounded way to one broker for one acks class, with a connection of its own: a broker serves one request per connection at a time,
 * so acks=1 must not queue behind acks=all (semantics "Records").
 */
export class Lane {
  readonly broker: number
  readonly acks: Acks
  readonly #options: LaneOptions
  readonly #inFlight = new Set<InFlight>()
  readonly #breaker: LaneBreaker
  #socket: FrameSocket | undefined
  /** Since when a connection is being made. */
  #openingSinceMs: number | undefined
  #closed = false
  #queuedBytes = 0
  #lastUseMs = 0
  /** When somebody last wanted the connection. */
  #wantedMs = Number.NEGATIVE_INFINITY
  /** Lost and failed connections since the broker last answered something, and no attempt before this for the sake of warmth. */
  #losses = 0
  #warmAfterMs = 0

  constructor(options: LaneOptions) {
    this.broker = options.broker
    this.acks = options.acks
    this.#options = options
    this.#breaker = new LaneBreaker({
      leaveOutMs: options.limits.leaveOutMs,
      onChange: options.onChange,
    })
  }

  /** Bytes sent and unanswered. */
  get queuedBytes(): number {
    return this.#queuedBytes
  }

  /** Breaker `open` = left out; whatever would go there waits or goes elsewhere. */
  state(): LaneState {
    return {
      broker: this.broker,
      acks: this.acks,
      breaker: this.#breaker.state,
      connected: this.#socket !== undefined,
      inFlight: this.#inFlight.size,
      bytes: this.#queuedBytes,
    }
  }

  /** How often it was left out so far. */
  get timesOpened(): number {
    return this.#breaker.opened
  }

  /** Whether a request can be sent now. Asking opens the connection if there is none, unless the lane is left out. */
  hasRoom(): boolean {
    if (this.#socket === undefined) {
      this.#wantedMs = this.#options.clock.monotonicMs()
      this.#connect()
      return false
    }
    const { maxInFlight, maxBytes } = this.#options.limits
    return this.#breaker.admits && this.#inFlight.size < maxInFlight && this.#queuedBytes < maxBytes
  }

  /** Left out, or on trial, connected or not (the kernel accepts connections for a broker that hangs): the leaders may be elsewhere by now. */
  get isDown(): boolean {
    return this.#breaker.state !== 'closed'
  }

  /** Its connection was wanted lately, and there is none. */
  get isMissing(): boolean {
    if (this.#socket !== undefined) return false
    return this.#options.clock.monotonicMs() - this.#wantedMs < wantedForMs
  }

  /** It does not drain: left out, or nothing was answered for `stallMs`. */
  isStalled(): boolean {
    if (this.#breaker.state === 'open') return true
    const [oldest] = this.#inFlight
    if (oldest === undefined) return false
    return this.#options.clock.monotonicMs() - oldest.sentMs > this.#options.limits.stallMs
  }

  /** How far the longest wait here has passed its own time limit: 0 in a healthy process, whatever the broker does. */
  overdueMs(): number {
    const { clock, limits } = this.#options
    const [oldest] = this.#inFlight
    const answerDueMs = (oldest?.sentMs ?? Number.POSITIVE_INFINITY) + limits.requestTimeoutMs
    const openDueMs = (this.#openingSinceMs ?? Number.POSITIVE_INFINITY) + longestOpeningMs
    return Math.max(0, clock.monotonicMs() - Math.min(answerDueMs, openDueMs))
  }

  /** `hasRoom` must hold. `done` is called once; after `unanswered` the parts may or may not be written. */
  send(parts: readonly ProducePart[], bytes: number, done: (answer: LaneAnswer) => void): void {
    const socket = this.#socket
    if (socket === undefined) throw new TypeError('send on a lane without room')
    const { clock, limits } = this.#options
    const inFlight = { bytes, sentMs: clock.monotonicMs() }
    this.#inFlight.add(inFlight)
    this.#queuedBytes += bytes
    this.#lastUseMs = inFlight.sentMs
    const body = encodeProduceRequest(parts, this.acks, limits.requestTimeoutMs)
    this.#breaker.fire((settle) => {
      socket.request(produceApiKey, produceApiVersion, body, limits.requestTimeoutMs, (error, response) => {
        this.#inFlight.delete(inFlight)
        this.#queuedBytes -= bytes
        const answer =
          error === undefined && response !== undefined ? this.#decode(response) : unanswered(error)
        if (answer.kind === 'answered') this.#losses = 0
        settle(answer.kind === 'unanswered' ? answer.error : undefined)
        done(answer)
        this.#options.onChange()
      })
    })
  }

  /**
   * Brokers close connections that were idle for 10 min: one that is used every 3 min stays warm. One that is lost is made again before
   * anybody needs it, with pauses that grow to a minute, and tried when it was left out: `isWanted` = the cluster takes its broker for
   * alive.
   */
  keepWarm(idleMs: number, isWanted: boolean): void {
    const nowMs = this.#options.clock.monotonicMs()
    if (this.#socket === undefined) {
      if (!isWanted) return
      this.#wantedMs = nowMs
      if (nowMs >= this.#warmAfterMs) this.#connect()
    } else if (this.#inFlight.size === 0 && this.#breaker.admits) {
      if (nowMs - this.#lastUseMs >= idleMs || this.#breaker.state === 'half-open') this.#probe(this.#socket)
    }
  }

  /** A request that changes nothing, as if it were a batch: the breaker learns from it. */
  #probe(socket: FrameSocket): void {
    const { clock, limits } = this.#options
    this.#lastUseMs = clock.monotonicMs()
    this.#breaker.fire((settle) => {
      socket.request(
        metadataApiKey,
        metadataApiVersion,
        [metadataOfNothing],
        limits.requestTimeoutMs,
        (error) => {
          if (error === undefined) this.#losses = 0
          settle(error)
        },
      )
    })
  }

  close(): void {
    this.#closed = true
    this.#socket?.close()
    this.#breaker.shutdown()
  }

  #decode(response: Buffer): LaneAnswer {
    try {
      return { kind: 'answered', results: decodeProduceResponse(response) }
    } catch (error) {
      this.#socket?.close(new Error('an answer that cannot be read', { cause: error }))
      return unanswered(error as Error)
    }
  }

  #connect(): void {
    const { clock, open } = this.#options
    if (this.#openingSinceMs !== undefined || this.#closed || !this.#breaker.admits) return
    this.#openingSinceMs = clock.monotonicMs()
    open().then(
      (socket) => this.#onOpen(socket),
      () => this.#onDisconnected(),
    )
  }

  #onOpen(socket: FrameSocket): void {
    this.#openingSinceMs = undefined
    if (this.#closed) {
      socket.close()
      return
    }
    this.#socket = socket
    this.#lastUseMs = this.#options.clock.monotonicMs()
    socket.onClose(() => {
      if (this.#socket === socket) this.#socket = undefined
      this.#onDisconnected()
    })
    this.#options.onChange()
  }

  #onDisconnected(): void {
    this.#openingSinceMs = undefined
    if (this.#closed) return
    const pauseMs = Math.min(longestWarmPauseMs, firstWarmPauseMs * 2 ** Math.min(this.#losses, 10))
    this.#losses += 1
    this.#warmAfterMs = this.#options.clock.monotonicMs() + pauseMs * (0.5 + Math.random() / 2)
    this.#breaker.onDisconnected()
  }
}

const firstWarmPauseMs = 500
const longestWarmPauseMs = 60_000

/** Who wants a connection asks for it more often than this. */
const wantedForMs = 2000

/** Connecting has a time limit, and so has each step of authentication; no healthy process comes near this. */
const longestOpeningMs = 60_000

const metadataApiKey = 3
const metadataApiVersion = 12
/** No topics, no auto creation, no authorised operations, no tags. */
const metadataOfNothing = Buffer.from([1, 0, 0, 0])

function unanswered(error: Error | undefined): LaneAnswer {
  return { kind: 'unanswered', error: error ?? new Error('the answer is missing') }
}
