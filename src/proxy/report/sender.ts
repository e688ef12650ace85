import { Agent, request } from 'undici'
import type { ProxyReport, ProxyReportAnswer } from '../../core/proxy-report.ts'
import { baseOf, describeFailure } from '../../placement/asker.ts'
import { readBounded } from '../../placement/read-bounded.ts'

export interface ReportSenderOptions {
  /** Base URLs of the replicas of the control plane; at least one. */
  readonly controlUrls: readonly string[]
  /** Of the proxy. */
  readonly id: string
  /** Bearer token; '' = none. */
  readonly token: string
}

const maxAnswerBytes = 64 * 2 ** 10
/** By which a replica that passed a report on says where the leader is. */
const leaderHeader = 'forebay-leader'

/**
 * Sends reports to one replica of the control plane over one kept connection, and to the next when that fails. Where the replica names a
 * leader that is among those we know, the next report goes there at once.
 */
export class ReportSender {
  readonly #controlUrls: readonly string[]
  readonly #path: string
  readonly #headers: Readonly<Record<string, string>>
  readonly #agent = new Agent({ connections: 1, pipelining: 1, keepAliveTimeout: 30_000 })
  #index = 0

  constructor({ controlUrls, id, token }: ReportSenderOptions) {
    this.#controlUrls = controlUrls.map(baseOf)
    this.#path = `v1/proxies/${encodeURIComponent(id)}/report`
    this.#headers = {
      'content-type': 'application/json',
      ...(token === '' ? {} : { authorization: `Bearer ${token}` }),
    }
  }

  /** Rejects, with what each replica did, when none has taken it within `timeoutMs` altogether; then it may have been taken all the same. */
  async send(report: ProxyReport, timeoutMs: number): Promise<ProxyReportAnswer> {
    const body = JSON.stringify(report)
    const over = AbortSignal.timeout(timeoutMs)
    const reasons: string[] = []
    let cause: unknown
    for (let tried = 0; tried < this.#controlUrls.length && !over.aborted; tried += 1) {
      const url = this.#controlUrls[this.#index] as string
      try {
        return await this.#post(url, body, over)
      } catch (error) {
        cause = error
        reasons.push(`${url}: ${describeFailure(error)}`)
        this.#index = (this.#index + 1) % this.#controlUrls.length
      }
    }
    throw new Error(`no control plane has taken the report: ${reasons.join('; ')}`, { cause })
  }

  /** Ends what is under way. */
  async close(): Promise<void> {
    await this.#agent.destroy()
  }

  async #post(url: string, body: string, signal: AbortSignal): Promise<ProxyReportAnswer> {
    const answer = await request(url + this.#path, {
      method: 'POST',
      headers: this.#headers,
      body,
      signal,
      dispatcher: this.#agent,
    })
    const text = await readBounded(answer.body, maxAnswerBytes)
    if (text === undefined) throw new Error(`it answered more than ${maxAnswerBytes} bytes`)
    if (answer.statusCode !== 200) throw new Error(`it answered ${answer.statusCode}`)
    const read = readAnswer(text)
    const leader = answer.headers[leaderHeader]
    const index = typeof leader === 'string' ? this.#controlUrls.indexOf(baseOf(leader)) : -1
    if (index >= 0) this.#index = index
    return read
  }
}

/** Believes nothing (faults F16). */
function readAnswer(text: string): ProxyReportAnswer {
  let value: Partial<ProxyReportAnswer> | null
  try {
    value = JSON.parse(text) as Partial<ProxyReportAnswer> | null
  } catch (error) {
    throw new Error('its answer is not JSON', { cause: error })
  }
  const { leaseMs, version } = value ?? {}
  const isSound =
    typeof leaseMs === 'number' && leaseMs > 0 && typeof version === 'number' && Number.isSafeInteger(version)
  if (!isSound) throw new Error('its answer is not that to a report')
  return { leaseMs, version }
}
