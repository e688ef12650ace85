import type { IncomingMessage } from 'node:http'
import { Problem } from '../../core/problems.ts'
import type { Framing } from './framing.ts'
import { inflate } from './inflate.ts'
import { type Reservation, Staging, tooLarge } from './staging.ts'

export interface BodyLimits {
  /** Of the raw and of the inflated body. */
  readonly maxBytes: number
  /** Longest time from here to the last byte. */
  readonly timeoutMs: number
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
  if (lengthBytes !== 0) await read(request, limits, staging)
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

async function read(request: IncomingMessage, limits: BodyLimits, staging: Staging): Promise<void> {
  try {
    if (request.destroyed) throw new BodyAborted('the client went away before its body was read')
    await new Reading(request, limits, staging).done
  } catch (error) {
    staging.dispose()
    throw error
  }
}

/** Listens until the body is whole or refused, then lets go of the request. */
class Reading {
  readonly done: Promise<void>
  readonly #request: IncomingMessage
  readonly #staging: Staging
  readonly #settle: PromiseWithResolvers<void>
  readonly #timer: NodeJS.Timeout
  readonly #onData = (chunk: Buffer): void => {
    try {
      this.#staging.add(chunk)
    } catch (error) {
      this.#fail(error)
    }
  }
  readonly #onEnd = (): void => {
    this.#letGo()
    this.#settle.resolve()
  }
  readonly #onGone = (): void => this.#fail(new BodyAborted('the client went away while its body was read'))

  constructor(request: IncomingMessage, { timeoutMs }: BodyLimits, staging: Staging) {
    this.#request = request
    this.#staging = staging
    this.#settle = Promise.withResolvers<void>()
    this.done = this.#settle.promise
    this.#timer = setTimeout(() => {
      this.#fail(new Problem('body-timeout', `The body was not complete after ${timeoutMs} ms.`))
    }, timeoutMs)
    request.on('data', this.#onData)
    request.on('end', this.#onEnd)
    request.on('error', this.#onGone)
    request.on('close', this.#onGone)
  }

  #fail(error: unknown): void {
    this.#letGo()
    this.#request.pause()
    this.#settle.reject(error)
  }

  #letGo(): void {
    clearTimeout(this.#timer)
    this.#request.off('data', this.#onData)
    this.#request.off('end', this.#onEnd)
    this.#request.off('error', this.#onGone)
    this.#request.off('close', this.#onGone)
  }
}
