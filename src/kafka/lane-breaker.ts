import CircuitBreaker from 'opossum'

export type BreakerState = 'closed' | 'open' | 'half-open'

export interface LaneBreakerOptions {
  /** How long a lane is left out after a request went unanswered; after a lost connection this is the longest. */
  readonly leaveOutMs: number
  /** It was left out for long enough: one request may try it. Also called when it closes or opens. */
  readonly onChange: () => void
}

/** Calls `settle` once: with nothing when the request was answered, with the error when it went unanswered. */
export type LaneRequest = (settle: (error: Error | undefined) => void) => void

/** After the first lost connection; doubled with each further one. */
const firstOutMs = 100
const maxDoublings = 10

/**
 * Whether a lane is left out: the one place where that is decided (semantics "Failover and failback": open means wait, never an
 * outcome). Stands around produce requests, never around events.
 *
 * One unanswered request opens it, because its connection is closed with it (semantics "Time limits"); so does a connection that is lost
 * or cannot be made, for a shorter time at first. Then one request tries, and its answer closes the breaker. An error code is an answer:
 * it says something of a partition, not of the way to the broker.
 */
export class LaneBreaker {
  /** opossum keeps this very object, and reads `resetTimeout` each time it opens. */
  readonly #options: CircuitBreaker.Options<[LaneRequest]>
  readonly #breaker: CircuitBreaker<[LaneRequest], void>
  readonly #leaveOutMs: number
  #lostConnections = 0
  #opened = 0

  constructor({ leaveOutMs, onChange }: LaneBreakerOptions) {
    this.#leaveOutMs = leaveOutMs
    this.#options = {
      // Its timeout would not cancel the request; the lane's own deadline does.
      timeout: false,
      resetTimeout: leaveOutMs,
      volumeThreshold: 1,
      errorThresholdPercentage: 0,
      // It notes the latency of every call in the window, so the window is short. What opens the breaker is said explicitly:
      // a request that goes unanswered for longer than the window has left the statistics by then.
      rollingCountTimeout: 1000,
      rollingCountBuckets: 2,
      rollingPercentilesEnabled: false,
      enableSnapshots: false,
    }
    this.#breaker = new CircuitBreaker((request: LaneRequest) => this.#run(request), this.#options)
    this.#breaker.on('halfOpen', onChange)
    this.#breaker.on('close', () => {
      this.#lostConnections = 0
      onChange()
    })
    this.#breaker.on('open', () => {
      this.#opened += 1
      onChange()
    })
  }

  get state(): BreakerState {
    if (this.#breaker.closed) return 'closed'
    return this.#breaker.halfOpen ? 'half-open' : 'open'
  }

  /** How often it has opened. */
  get opened(): number {
    return this.#opened
  }

  /** A request may be sent: closed, or half-open with nobody trying yet. */
  get admits(): boolean {
    return this.#breaker.closed || this.#breaker.pendingClose
  }

  /** Sends one produce request during the call. `admits` must hold. */
  fire(request: LaneRequest): void {
    this.#breaker.fire(request).catch(ignoreTold)
  }

  /** The connection is gone, or could not be made. */
  onDisconnected(): void {
    this.#open(Math.min(this.#leaveOutMs, firstOutMs * 2 ** Math.min(this.#lostConnections, maxDoublings)))
  }

  /** Stops its timers; nothing may be fired afterwards. */
  shutdown(): void {
    this.#breaker.shutdown()
  }

  #run(request: LaneRequest): Promise<void> {
    return new Promise((resolve, reject) => {
      request((error) => {
        if (error === undefined) {
          resolve()
          return
        }
        this.#lostConnections = maxDoublings
        this.#open(this.#leaveOutMs)
        reject(error)
      })
    })
  }

  /** While it is open already nothing changes: the first reason counts. */
  #open(outMs: number): void {
    if (this.#breaker.opened || this.#breaker.isShutdown) return
    this.#options.resetTimeout = outMs
    this.#lostConnections += 1
    this.#breaker.open()
  }
}

/** Whoever sent the request was told by its own callback. */
function ignoreTold(): void {
  // Nothing is left to do.
}
