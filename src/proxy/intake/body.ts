import type { IncomingMessage } from 'node:http'
import { Problem } from '../../core/problems.ts'
import type { BodyDeadlines, Timed } from './body-deadlines.ts'
import type { Framing } from './framing.ts'
import { inflate } from './inflate.ts'
import { type Reservation, Staging, tooLarge } from './staging.ts'

export interface BodyLimits {
  /** Of the raw and of the inflated body. */
  readonly maxBytes: number
  /** Longest time from here to the last byte. */
  readonly deadlines: BodyDeadlines
}

/** The client went away before its body was complete: there is nobody to answer. */
export class BodyAborted extends Error {
  override readonly name = 'BodyAborted'
}

/**
 * Reads the whole body into memory that `reservation` holds; the caller takes it and disposes of it. Rejects with a `Problem` (400
 * broken encoding, 408, 413, or what the reservation throws) or `BodyAborted`; then nothing of the request is read any more, and its
 * memory is free. What is compressed is inflated when all of it is there, so that a slow client holds no decoder.
 */
export async function readBody(
  request: IncomingMessage,
  framing: Framing,
  limits: BodyLimits,
  reservation: Reservation,
): Promise<Staging> {
  const { lengthBytes, encoding } = framing
  if (lengthBytes !== undefined) {
    if (lengthBytes > limits.maxBytes) throw tooLarge(limits.maxBytes)
    if (lengthBytes > 0) reservation.grow(lengthBytes)
  }
  const staging = new Staging(reservation, limits.maxBytes, lengthBytes)
  if (lengthBytes !== 0) await new Reading(request, staging, limits.deadlines).done
  if (encoding === 'identity') return staging
  const inflated = new Staging(reservation, limits.maxBytes, undefined)
  try {
    await inflate(staging.take(), encoding, inflated)
    return inflated
  } catch (error) {
    inflated.dispose()
    throw error
  } finally {
    staging.dispose()
  }
}

/** Listens until the body is whole or refused. */
class Reading implements Timed {
  readonly done: Promise<void>
  dueMs = 0
  readonly #request: IncomingMessage
  readonly #staging: Staging
  readonly #deadlines: BodyDeadlines
  readonly #settle: PromiseWithResolvers<void>
  /** Listeners are left where they are and find that it is over: taking four of them off cost more than the reading of a small body. */
  #over = false

  constructor(request: IncomingMessage, staging: Staging, deadlines: BodyDeadlines) {
    this.#request = request
    this.#staging = staging
    this.#deadlines = deadlines
    this.#settle = Promise.withResolvers<void>()
    this.done = this.#settle.promise
    deadlines.add(this)
    const onGone = (): void => this.#onGone()
    request.on('data', (chunk: Buffer) => this.#onData(chunk))
    request.on('end', () => this.#onEnd())
    request.on('error', onGone)
    request.on('close', onGone)
    if (request.destroyed) onGone()
  }

  expire(): void {
    this.#fail(new Problem('body-timeout', 'The body was not complete in time.'))
  }

  #onData(chunk: Buffer): void {
    // Whoever discards the rest frees it.
    if (this.#over) return
    try {
      this.#staging.add(chunk)
    } catch (error) {
      this.#fail(error)
    }
  }

  #onEnd(): void {
    if (this.#over) return
    this.#over = true
    this.#deadlines.remove(this)
    this.#settle.resolve()
  }

  #onGone(): void {
    // A request that has been read to its end closes too; that is no abort.
    if (!this.#over) this.#fail(new BodyAborted('the client went away while its body was read'))
  }

  #fail(error: unknown): void {
    if (this.#over) return
    this.#over = true
    this.#deadlines.remove(this)
    this.#staging.dispose()
    this.#request.pause()
    this.#settle.reject(error)
  }
}
