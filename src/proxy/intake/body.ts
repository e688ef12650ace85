import type { IncomingMessage } from 'node:http'
import { Problem } from '../../core/problems.ts'
import type { Framing } from './framing.ts'
import { createInflater, type Inflater } from './inflate.ts'
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
 * Reads the whole body into memory that `reservation` holds. Rejects with a `Problem` (400 broken encoding, 408, 413, or what the
 * reservation throws) or `BodyAborted`; from then on nothing of the request is read, and what was reserved is the caller's to give back.
 */
export async function readBody(
  request: IncomingMessage,
  framing: Framing,
  limits: BodyLimits,
  reservation: Reservation,
): Promise<Buffer> {
  const { lengthBytes, encoding } = framing
  if (lengthBytes !== undefined) {
    if (lengthBytes > limits.maxBytes) throw tooLarge(limits.maxBytes)
    if (lengthBytes > 0) reservation.grow(lengthBytes)
    else if (encoding === 'identity') return nothing
  }
  if (request.destroyed) throw new BodyAborted('the client went away before its body was read')
  const staging = new Staging(reservation, limits.maxBytes, encoding === 'identity' ? lengthBytes : undefined)
  if (encoding === 'identity') return new PlainReading(request, limits, staging).done
  return new InflatedReading(request, limits, staging, createInflater(encoding), encoding).done
}

const nothing = Buffer.alloc(0)

/** Listens until the body is whole or refused, then lets go of the request. */
class PlainReading {
  readonly done: Promise<Buffer>
  protected readonly request: IncomingMessage
  protected readonly staging: Staging
  readonly #settle: PromiseWithResolvers<Buffer>
  readonly #timer: NodeJS.Timeout
  readonly #onData = (chunk: Buffer) => this.guard(() => this.onChunk(chunk))
  readonly #onEnd = () => {
    // A request that has been read to its end closes too; that is no abort.
    this.request.off('close', this.#onGone)
    this.guard(() => this.onEnd())
  }
  readonly #onGone = () => this.fail(new BodyAborted('the client went away while its body was read'))

  constructor(request: IncomingMessage, limits: BodyLimits, staging: Staging) {
    this.request = request
    this.staging = staging
    this.#settle = Promise.withResolvers<Buffer>()
    this.done = this.#settle.promise
    this.#timer = setTimeout(() => {
      this.fail(new Problem('body-timeout', `The body was not complete after ${limits.timeoutMs} ms.`))
    }, limits.timeoutMs)
    request.on('data', this.#onData)
    request.on('end', this.#onEnd)
    request.on('error', this.#onGone)
    request.on('close', this.#onGone)
  }

  protected onChunk(chunk: Buffer): void {
    this.staging.add(chunk)
  }

  protected onEnd(): void {
    this.succeed()
  }

  protected guard(step: () => void): void {
    try {
      step()
    } catch (error) {
      this.fail(error)
    }
  }

  protected succeed(): void {
    this.letGo()
    this.#settle.resolve(this.staging.take())
  }

  protected fail(error: unknown): void {
    this.letGo()
    this.request.pause()
    this.#settle.reject(error)
  }

  protected letGo(): void {
    clearTimeout(this.#timer)
    this.request.off('data', this.#onData)
    this.request.off('end', this.#onEnd)
    this.request.off('error', this.#onGone)
    this.request.off('close', this.#onGone)
  }
}

/** The same through an inflater, which stops as soon as the limit is passed. */
class InflatedReading extends PlainReading {
  readonly #inflater: Inflater
  readonly #maxRawBytes: number
  #rawBytes = 0

  constructor(
    request: IncomingMessage,
    limits: BodyLimits,
    staging: Staging,
    inflater: Inflater,
    encoding: string,
  ) {
    super(request, limits, staging)
    this.#inflater = inflater
    this.#maxRawBytes = limits.maxBytes
    inflater.on('data', (chunk: Buffer) => this.guard(() => staging.add(chunk)))
    inflater.on('drain', () => request.resume())
    inflater.on('end', () => {
      if (inflater.bytesWritten === this.#rawBytes) this.succeed()
      else this.fail(new Problem('invalid-body', `There are bytes after the end of the ${encoding} stream.`))
    })
    inflater.on('error', (error) => {
      this.fail(
        new Problem('invalid-body', `The body is not a whole ${encoding} stream: ${error.message}.`, {
          cause: error,
        }),
      )
    })
  }

  protected override onChunk(chunk: Buffer): void {
    this.#rawBytes += chunk.length
    if (this.#rawBytes > this.#maxRawBytes) throw tooLarge(this.#maxRawBytes)
    if (!this.#inflater.write(chunk)) this.request.pause()
  }

  protected override onEnd(): void {
    this.#inflater.end()
  }

  protected override letGo(): void {
    super.letGo()
    this.#inflater.removeAllListeners('data')
    this.#inflater.removeAllListeners('drain')
    this.#inflater.destroy()
  }
}
