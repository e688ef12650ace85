import { Agent, request } from 'undici'
import { type PlacementDocument, placementETag } from '../core/placement.ts'
import { checkPlacementDocument } from './document.ts'

/** What came back for `GET /v1/placements`. */
export type Answer =
  | { readonly kind: 'document'; readonly document: PlacementDocument }
  | { readonly kind: 'unchanged' }
  /** It answered, but not with a placement document: wrong status, media type, size, JSON or shape. */
  | { readonly kind: 'rubbish'; readonly reason: string }
  /** No answer: refused, reset, timed out, or 5xx. */
  | { readonly kind: 'failed'; readonly reason: string }

/** A thousand topics take about half a MiB. */
const maxAnswerBytes = 16 * 2 ** 20
const connectTimeoutMs = 3000
/** What an answer may take beyond the time that it was asked to wait. */
const answerTimeoutMs = 5000

/** Asks one control plane for its placement document. Believes nothing; never throws. `close` ends open questions. */
export class PlacementAsker {
  readonly #url: string
  readonly #token: string | undefined
  readonly #agent = new Agent({ connect: { timeout: connectTimeoutMs }, connections: 4, pipelining: 1 })

  constructor(controlUrl: string, token: string | undefined) {
    this.#url = new URL('v1/placements', controlUrl.endsWith('/') ? controlUrl : `${controlUrl}/`).href
    this.#token = token
  }

  /** `waitSeconds` 0..60: how long the control plane may hold the question while it has nothing newer than `known`. */
  async ask(
    known: PlacementDocument | undefined,
    waitSeconds: number,
    stopped: AbortSignal,
  ): Promise<Answer> {
    const query = known === undefined ? '' : `?after=${known.version}&wait=${waitSeconds}`
    const deadline = AbortSignal.timeout(waitSeconds * 1000 + connectTimeoutMs + answerTimeoutMs)
    try {
      const { statusCode, headers, body } = await request(this.#url + query, {
        dispatcher: this.#agent,
        signal: AbortSignal.any([stopped, deadline]),
        headers: {
          accept: 'application/json',
          ...(known === undefined ? {} : { 'if-none-match': placementETag(known) }),
          ...(this.#token ? { authorization: `Bearer ${this.#token}` } : {}),
        },
      })
      const text = await readBounded(body)
      if (statusCode === 304 && known !== undefined) return { kind: 'unchanged' }
      if (statusCode >= 500) return { kind: 'failed', reason: `it answered ${statusCode}` }
      if (statusCode !== 200) return { kind: 'rubbish', reason: `it answered ${statusCode}` }
      if (text === undefined) return { kind: 'rubbish', reason: `more than ${maxAnswerBytes} bytes` }
      return readAnswer(String(headers['content-type']), text)
    } catch (error) {
      return { kind: 'failed', reason: describeFailure(error) }
    }
  }

  async close(): Promise<void> {
    await this.#agent.destroy()
  }
}

function readAnswer(contentType: string, text: string): Answer {
  if (!contentType.startsWith('application/json'))
    return { kind: 'rubbish', reason: `it sent ${contentType.slice(0, 100)}` }
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    return { kind: 'rubbish', reason: `not JSON: ${(error as Error).message}` }
  }
  const checked = checkPlacementDocument(value)
  return checked.ok
    ? { kind: 'document', document: checked.document }
    : { kind: 'rubbish', reason: checked.reason }
}

/** `undefined` as soon as it is longer than allowed; the rest is not read. */
async function readBounded(body: AsyncIterable<Buffer>): Promise<string | undefined> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of body) {
    length += chunk.length
    if (length > maxAnswerBytes) return undefined
    chunks.push(chunk)
  }
  return Buffer.concat(chunks, length).toString('utf8')
}

function describeFailure(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException
  return [code, message].filter((part) => part !== undefined && part !== '').join(': ') || String(error)
}
