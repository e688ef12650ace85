import { Agent, request } from 'undici'
import { type PlacementDocument, placementETag } from '../core/placement.ts'
import { readPlacementDocument } from './document.ts'
import { readBounded } from './read-bounded.ts'

/** What came back for `GET /v1/placements`. */
export type Answer =
  | { readonly kind: 'document'; readonly document: PlacementDocument }
  | { readonly kind: 'unchanged' }
  /** It answered, but not with a placement document: wrong status, media type, size, JSON or shape. */
  | { readonly kind: 'rubbish'; readonly reason: string }
  /** No answer: refused, reset, timed out, or 5xx. */
  | { readonly kind: 'failed'; readonly reason: string; readonly cause?: unknown }

export interface Question {
  /** Base URL of the replica of the control plane that is asked. */
  readonly url: string
  readonly known: PlacementDocument | undefined
  /** 0..60: how long the control plane may hold the question while it has nothing newer than `known`. */
  readonly waitSeconds: number
  /** What it may take beyond that. */
  readonly timeoutMs: number
  readonly signal: AbortSignal
}

/** A thousand topics take about half a MiB. */
const maxAnswerBytes = 16 * 2 ** 20
const connectTimeoutMs = 3000

/** Asks the control plane for its placement document. Believes nothing; never throws. `close` ends open questions. */
export class PlacementAsker {
  readonly #token: string | undefined
  readonly #agent = new Agent({ connect: { timeout: connectTimeoutMs }, connections: 4, pipelining: 1 })

  constructor(token: string | undefined) {
    this.#token = token
  }

  async ask({ url, known, waitSeconds, timeoutMs, signal }: Question): Promise<Answer> {
    const query = known === undefined ? '' : `?after=${known.version}&wait=${waitSeconds}`
    const deadline = AbortSignal.timeout(waitSeconds * 1000 + timeoutMs)
    try {
      const { statusCode, headers, body } = await request(`${baseOf(url)}v1/placements${query}`, {
        dispatcher: this.#agent,
        signal: AbortSignal.any([signal, deadline]),
        headers: {
          accept: 'application/json',
          ...(known === undefined ? {} : { 'if-none-match': placementETag(known) }),
          ...(this.#token ? { authorization: `Bearer ${this.#token}` } : {}),
        },
      })
      const text = await readBounded(body, maxAnswerBytes)
      if (statusCode === 304 && known !== undefined) return { kind: 'unchanged' }
      if (statusCode >= 500) return { kind: 'failed', reason: `it answered ${statusCode}` }
      if (statusCode !== 200) return { kind: 'rubbish', reason: `it answered ${statusCode}` }
      if (text === undefined) return { kind: 'rubbish', reason: `more than ${maxAnswerBytes} bytes` }
      return await readAnswer(String(headers['content-type']), text)
    } catch (error) {
      return { kind: 'failed', reason: describeFailure(error), cause: error }
    }
  }

  async close(): Promise<void> {
    await this.#agent.destroy()
  }
}

/** With the slash that addresses are put behind: a control plane may live below a path. */
export function baseOf(url: string): string {
  return url.endsWith('/') ? url : `${url}/`
}

async function readAnswer(contentType: string, text: string): Promise<Answer> {
  if (!contentType.startsWith('application/json'))
    return { kind: 'rubbish', reason: `it sent ${contentType.slice(0, 100)}` }
  const checked = await readPlacementDocument(text)
  return checked.ok
    ? { kind: 'document', document: checked.document }
    : { kind: 'rubbish', reason: checked.reason }
}

/** A refused or lost connection in words; the code first, because messages of Node may be empty. A DOMException's code is a number. */
export function describeFailure(error: unknown): string {
  const { code, message } = error as { code?: unknown; message?: string }
  const parts = [typeof code === 'string' ? code : '', message ?? ''].filter((part) => part !== '')
  return parts.join(': ') || String(error)
}
