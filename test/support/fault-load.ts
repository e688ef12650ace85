import { performance } from 'node:perf_hooks'
import { Pool } from 'undici'

export interface FaultLoadOptions {
  /** Base URL of the proxy. */
  readonly url: string
  readonly topic: string
  readonly requestsPerSecond: number
  readonly eventsPerRequest: number
  /** Of each event, at least 60. */
  readonly eventBytes: number
  /** Most requests on the wire at once; what is due beyond them waits, and the wait counts as latency. */
  readonly connections: number
}

/** `unknown`: the connection broke, or the answer was 503 ack-timeout: some may have been written. */
export type Fate = 'accepted' | 'refused' | 'unknown'

/** What became of one request. Times are of `performance.now()`. */
export interface LoadedRequest {
  /** Running numbers of its events: `first` to `first` + `events` − 1. */
  readonly first: number
  readonly events: number
  /** When it was due: latency counts from here, so that a stall is not hidden. */
  readonly dueMs: number
  /** When the client was about to write it; what it then still waited for a free connection is not counted apart. */
  readonly sentMs: number
  readonly endMs: number
  readonly fate: Fate
  /** 0 when there was no answer. */
  readonly status: number
  /** Of the problem or of the broken connection. */
  readonly reason: string
}

const tickMs = 1
let serial = 0

/** A name for the events of one load that no other has. */
export function nextRun(): string {
  serial += 1
  return `r${process.pid}x${serial}`
}

/**
 * Posts NDJSON bodies of events with unique ids on a schedule that does not wait for answers, over keep-alive connections, and keeps the
 * fate of each request. A request is never repeated.
 */
export class FaultLoad {
  readonly topic: string
  /** In front of every running number; no other load's. */
  readonly run: string
  readonly requests: LoadedRequest[] = []
  readonly #onFate: (request: LoadedRequest) => void
  readonly #options: FaultLoadOptions
  readonly #pool: Pool
  readonly #startMs = performance.now()
  readonly #timer: NodeJS.Timeout
  readonly #outstanding = new Set<Promise<void>>()
  #offered = 0

  constructor(
    options: FaultLoadOptions,
    run = nextRun(),
    onFate: (request: LoadedRequest) => void = () => undefined,
  ) {
    this.topic = options.topic
    this.run = run
    this.#onFate = onFate
    this.#options = options
    this.#pool = new Pool(options.url, {
      connections: options.connections,
      pipelining: 1,
      headersTimeout: 120_000,
      bodyTimeout: 120_000,
    })
    this.#timer = setInterval(() => this.#offerDue(), tickMs)
  }

  /** Offers nothing more, and resolves when every request has its fate. */
  async stop(): Promise<void> {
    clearInterval(this.#timer)
    await Promise.all(this.#outstanding)
    await this.#pool.destroy()
  }

  /** Ends at once; requests without an answer become `unknown`. */
  async abort(): Promise<void> {
    clearInterval(this.#timer)
    await this.#pool.destroy()
    await Promise.all(this.#outstanding)
  }

  /** Running number of the first event of the next request that will be due. */
  get nextIndex(): number {
    return this.#offered * this.#options.eventsPerRequest
  }

  /** Events accepted so far. */
  get accepted(): number {
    return this.#sum('accepted')
  }

  /** Requests that were due between the two times. */
  between(fromMs: number, toMs: number): LoadedRequest[] {
    return this.requests.filter(({ dueMs }) => dueMs >= fromMs && dueMs < toMs)
  }

  #sum(fate: Fate): number {
    return this.requests.reduce((sum, one) => sum + (one.fate === fate ? one.events : 0), 0)
  }

  #offerDue(): void {
    const { requestsPerSecond, eventsPerRequest } = this.#options
    const due = ((performance.now() - this.#startMs) * requestsPerSecond) / 1000
    for (; this.#offered < due; this.#offered += 1) {
      const dueMs = this.#startMs + (this.#offered * 1000) / requestsPerSecond
      const asked = this.#post(this.#offered * eventsPerRequest, dueMs)
      this.#outstanding.add(asked)
      // It never rejects.
      asked.finally(() => this.#outstanding.delete(asked)).catch(() => undefined)
    }
  }

  /** Never rejects. */
  async #post(first: number, dueMs: number): Promise<void> {
    const { eventsPerRequest: events, eventBytes, topic } = this.#options
    const body = ndjson(this.run, first, events, eventBytes)
    const sentMs = performance.now()
    const done = (fate: Fate, status: number, reason: string): void => {
      const request = { first, events, dueMs, sentMs, endMs: performance.now(), fate, status, reason }
      this.requests.push(request)
      this.#onFate(request)
    }
    try {
      const { statusCode, body: answered } = await this.#pool.request({
        method: 'POST',
        path: `/v1/topics/${topic}/events`,
        headers: { 'content-type': 'application/x-ndjson' },
        body,
      })
      const answer = (await answered.json()) as { type?: string }
      const reason = answer.type?.replace('urn:forebay:problem:', '') ?? ''
      if (statusCode < 300) done('accepted', statusCode, reason)
      else done(reason === 'ack-timeout' ? 'unknown' : 'refused', statusCode, reason)
    } catch (error) {
      done('unknown', 0, (error as Error & { code?: string }).code ?? String(error))
    }
  }
}

const digits = 8

/** One event a line, each exactly `eventBytes` long. */
export function ndjson(run: string, first: number, events: number, eventBytes: number): string {
  let body = ''
  for (let index = first; index < first + events; index += 1) {
    const head = `{"id":"${run}-${String(index).padStart(digits, '0')}","pad":"`
    body += `${head}${'x'.repeat(Math.max(0, eventBytes - head.length - 2))}"}\n`
  }
  return body
}

/** Run and running number of an event of `ndjson`; `undefined` for anything else. */
export function idOf(value: Buffer | null): { readonly run: string; readonly index: number } | undefined {
  const match = /^\{"id":"(r\d+x\d+)-(\d{8})"/.exec(value?.toString('latin1', 0, 60) ?? '')
  return match?.[1] === undefined ? undefined : { run: match[1], index: Number(match[2]) }
}

/** A request of `events` events from `first` on that goes out now; call what is returned when its fate is known. */
export function requestFromNow(
  first: number,
  events: number,
): (fate: LoadedRequest['fate'], status: number, reason: string) => LoadedRequest {
  const dueMs = performance.now()
  return (fate, status, reason) => {
    return { first, events, dueMs, sentMs: dueMs, endMs: performance.now(), fate, status, reason }
  }
}
