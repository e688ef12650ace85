import { Agent, request } from 'undici'
import { type ProblemBody, problems } from '../core/problems.ts'
import type { Page } from '../core/resources.ts'
import { CommandFailure } from './failure.ts'

export interface Answer<Value> {
  readonly value: Value
  readonly etag: string | undefined
}

export interface CallOptions {
  /** Sent as JSON. */
  readonly body?: unknown
  readonly ifMatch?: string
}

/** The control plane as the commands see it. Every method throws `CommandFailure` with a sentence that says what to do. `close` it. */
export class ControlClient {
  readonly url: string
  readonly #token: string | undefined
  readonly #signal: AbortSignal
  // A plan of many topics waits for every partition to have a leader: minutes, not seconds.
  readonly #agent = new Agent({ connectTimeout: 5000, headersTimeout: 300_000 })

  /** `url` without a slash at the end; `signal` ends whatever is under way. */
  constructor(url: string, token: string | undefined, signal: AbortSignal) {
    this.url = url
    this.#token = token
    this.#signal = signal
  }

  async get<Value>(path: string): Promise<Value> {
    return (await this.call<Value>('GET', path)).value
  }

  /** All pages of a collection. */
  async list<Item>(noun: string): Promise<Item[]> {
    const items: Item[] = []
    let after: string | undefined
    do {
      const page: Page<Item> = await this.get(
        `/v1/${noun}?limit=500${after === undefined ? '' : `&after=${encodeURIComponent(after)}`}`,
      )
      items.push(...page.items)
      after = page.next
    } while (after !== undefined)
    return items
  }

  /** Deletes what is there now: a change by somebody else meanwhile is refused (412). */
  async remove(path: string, query = ''): Promise<void> {
    const { etag } = await this.call('GET', path)
    await this.call('DELETE', `${path}${query}`, { ifMatch: etag ?? '*' })
  }

  async call<Value>(
    method: 'GET' | 'POST' | 'PUT' | 'DELETE',
    path: string,
    { body, ifMatch }: CallOptions = {},
  ): Promise<Answer<Value>> {
    const headers: Record<string, string> = { accept: 'application/json, application/problem+json' }
    if (this.#token !== undefined) headers.authorization = `Bearer ${this.#token}`
    if (body !== undefined) headers['content-type'] = 'application/json'
    if (ifMatch !== undefined) headers['if-match'] = ifMatch
    let status: number
    let text: string
    let etag: string | string[] | undefined
    try {
      const answer = await request(`${this.url}${path}`, {
        method,
        headers,
        body: body === undefined ? null : JSON.stringify(body),
        dispatcher: this.#agent,
        signal: this.#signal,
      })
      status = answer.statusCode
      etag = answer.headers.etag
      text = await answer.body.text()
    } catch (error) {
      throw unreachable('control plane', this.url, error, this.#signal)
    }
    if (status >= 300) throw answerFailure('control plane', this.url, status, text)
    return {
      value: parseAnswer<Value>(this.url, status, text),
      etag: typeof etag === 'string' ? etag : undefined,
    }
  }

  async close(): Promise<void> {
    await this.#agent.close()
  }
}

/** A name as one segment of a path. */
export function segment(name: string): string {
  return encodeURIComponent(name)
}

function parseAnswer<Value>(url: string, status: number, text: string): Value {
  try {
    return (text === '' ? undefined : JSON.parse(text)) as Value
  } catch (error) {
    throw new CommandFailure(
      `${url} answered ${status} with something that is not JSON: is it the right address?`,
      {
        cause: error,
      },
    )
  }
}

/** The sentence for a server that could not be talked to. */
export function unreachable(who: string, url: string, error: unknown, signal?: AbortSignal): CommandFailure {
  if (signal?.aborted === true) return new CommandFailure('interrupted', { cause: error })
  const code = (error as NodeJS.ErrnoException).code ?? ''
  const reason = reasons[code] ?? (error instanceof Error ? error.message : String(error))
  return new CommandFailure(`the ${who} at ${url} does not answer (${reason}): is it running? npm start`, {
    cause: error,
  })
}

const reasons: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection reset',
  ENOTFOUND: 'no such host',
  EAI_AGAIN: 'no such host',
  UND_ERR_CONNECT_TIMEOUT: 'no connection within 5 s',
  UND_ERR_HEADERS_TIMEOUT: 'no answer within 5 min',
  UND_ERR_SOCKET: 'connection closed',
}

/** The sentence for an answer that says no: `title: detail`, and the advice of the table of problems. */
export function answerFailure(who: string, url: string, status: number, text: string): CommandFailure {
  const problem = readProblem(text)
  if (problem === undefined) {
    return new CommandFailure(
      `${url} answered ${status} without saying why: is it the address of a Forebay ${who}?`,
    )
  }
  const name = problem.type.replace('urn:forebay:problem:', '')
  const advice = Object.hasOwn(problems, name) ? problems[name as keyof typeof problems].advice : undefined
  return new CommandFailure(`${problem.title}: ${problem.detail}`, {
    problem,
    ...(advice === undefined ? {} : { advice }),
  })
}

export function readProblem(text: string): ProblemBody | undefined {
  try {
    const body: unknown = JSON.parse(text)
    return typeof body === 'object' && body !== null && 'title' in body && 'type' in body
      ? ({ detail: '', ...body } as ProblemBody)
      : undefined
  } catch {
    // Not JSON is not a problem document; the caller says what it got instead.
    return undefined
  }
}
