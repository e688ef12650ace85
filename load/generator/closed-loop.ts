import { connect, type Socket } from 'node:net'
import type { Body } from './bodies.ts'
import { type HttpAnswer, HttpAnswers } from './http-answers.ts'

export interface ClosedLoopOptions {
  /** On 127.0.0.1. */
  readonly port: number
  readonly path: string
  readonly bodies: readonly Body[]
  readonly connections: number
  /** Events per second, offered evenly; `undefined` = the next request as soon as the last one is answered. */
  readonly ratePerSecond?: number
  /** Called now and then with the events answered so far. */
  readonly onProgress?: (answered: number) => void
}

export interface LoadResult {
  /** Events whose acceptance was answered. */
  readonly accepted: number
  /** Requests answered 429 or 503 and offered again. */
  readonly refusedRequests: number
  /** Requests answered otherwise, by status: never offered again. */
  readonly otherAnswers: Readonly<Record<number, number>>
  readonly seconds: number
  /** CPU of the generating process meanwhile ÷ `seconds`: near 1, the generator was the bottleneck. */
  readonly generatorCpuShare: number
}

const refusedPauseMs = 20

/**
 * Posts every body once over `connections` keep-alive connections, one request at a time on each, from bytes encoded beforehand. A
 * refused body is offered again; a broken connection fails the measurement.
 */
export async function closedLoop(options: ClosedLoopOptions): Promise<LoadResult> {
  const run = new ClosedLoopRun(options)
  const cpuBefore = process.cpuUsage()
  const startMs = performance.now()
  await run.finished()
  const seconds = (performance.now() - startMs) / 1000
  const { user, system } = process.cpuUsage(cpuBefore)
  return { ...run.counts, seconds, generatorCpuShare: (user + system) / 1e6 / seconds }
}

class ClosedLoopRun {
  readonly counts = { accepted: 0, refusedRequests: 0, otherAnswers: {} as Record<number, number> }
  readonly #options: ClosedLoopOptions
  readonly #heads = new Map<number, Buffer>()
  readonly #startMs = performance.now()
  #next = 0
  #offeredEvents = 0

  constructor(options: ClosedLoopOptions) {
    this.#options = options
  }

  async finished(): Promise<void> {
    const { connections, bodies } = this.#options
    const count = Math.min(connections, bodies.length)
    await Promise.all(Array.from({ length: count }, () => this.#connection()))
  }

  /** Settles when there is nothing left to offer. */
  #connection(): Promise<void> {
    return new Promise((resolve, reject) => {
      const socket = connect({ host: '127.0.0.1', port: this.#options.port, noDelay: true })
      const answers = new HttpAnswers()
      let current: Body | undefined
      const offer = () => {
        const dueMs = this.#dueMs()
        if (dueMs > 0) {
          setTimeout(offer, dueMs)
          return
        }
        current = this.#take()
        if (current === undefined) {
          socket.end()
          resolve()
        } else this.#write(socket, current)
      }
      const answered = (answer: HttpAnswer) => {
        const body = current
        if (body === undefined) throw new Error('an answer without a request')
        if (answer.closes) throw new Error('the server closes connections under load')
        if (!this.#judge(answer)) setTimeout(() => this.#write(socket, body), refusedPauseMs)
        else offer()
      }
      socket.once('connect', offer)
      socket.on('data', (chunk) => {
        try {
          for (const answer of answers.push(chunk)) answered(answer)
        } catch (error) {
          socket.destroy()
          reject(error as Error)
        }
      })
      socket.once('error', reject)
      socket.once('close', () => reject(new Error('the server closed a connection')))
    })
  }

  /** False when the body is to be offered again. */
  #judge({ status, accepted }: HttpAnswer): boolean {
    const { counts } = this
    if (status === 429 || status === 503) {
      counts.refusedRequests += 1
      return false
    }
    if (status < 300) counts.accepted += accepted
    else counts.otherAnswers[status] = (counts.otherAnswers[status] ?? 0) + 1
    this.#options.onProgress?.(counts.accepted)
    return true
  }

  #take(): Body | undefined {
    const body = this.#options.bodies[this.#next]
    this.#next += 1
    this.#offeredEvents += body?.events ?? 0
    return body
  }

  /** Milliseconds until the next body may go out at the asked rate. */
  #dueMs(): number {
    const { ratePerSecond } = this.#options
    if (ratePerSecond === undefined) return 0
    return this.#startMs + (this.#offeredEvents * 1000) / ratePerSecond - performance.now()
  }

  #write(socket: Socket, { bytes }: Body): void {
    socket.cork()
    socket.write(this.#head(bytes.length))
    socket.write(bytes)
    socket.uncork()
  }

  #head(length: number): Buffer {
    let head = this.#heads.get(length)
    if (head === undefined) {
      const { path, port } = this.#options
      head = Buffer.from(
        `POST ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nContent-Type: application/x-ndjson\r\nContent-Length: ${length}\r\n\r\n`,
      )
      this.#heads.set(length, head)
    }
    return head
  }
}
