import type { PlacementDocument } from '../../src/core/placement.ts'
import type { ApplyResult } from '../../src/core/resources.ts'
import { waitFor } from './wait-for.ts'

export interface ControlAnswer<Body> {
  readonly status: number
  readonly body: Body
}

/** A failover or failback as `GET /v1/failovers/{id}` shows it; only what tests look at. */
export interface ShownOperation {
  readonly id: string
  readonly kind: string
  readonly state: string
  readonly reason?: string
  readonly [more: string]: unknown
}

/** Its steps in their order, with what each took. */
export function stepTimes({ steps }: ShownOperation): string {
  const shown = (steps ?? []) as readonly { name: string; state: string; tookMs?: number; attempts: number }[]
  return shown
    .map(
      ({ name, tookMs, attempts }) =>
        `${name} ${tookMs ?? '–'} ms${attempts > 0 ? ` (${attempts} failed)` : ''}`,
    )
    .join(', ')
}

/**
 * Calls the control plane over HTTP as any client would. Of several URLs the first one that answers with less than 500 counts: a standby
 * answers 503 while no leader is known, and a replica that is dead or paused does not answer at all.
 *
 * A change that the one made without an answer is so asked for twice, which does no harm: apply is idempotent, a move of what moves or has
 * moved already is refused with 409, which the caller sees, and so is a second cancel. Only a drill begins twice; it moves nothing.
 */
export class OutageControl {
  readonly urls: readonly string[]

  constructor(urls: readonly string[]) {
    this.urls = urls
  }

  /** Never throws for a status; rejects when nobody answers within 20 s, or 3 s each of several. */
  async call<Body = Record<string, unknown>>(
    method: string,
    path: string,
    body?: unknown,
  ): Promise<ControlAnswer<Body>> {
    let last: unknown
    for (const url of this.urls) {
      try {
        const response = await fetch(url + path, {
          method,
          signal: AbortSignal.timeout(this.urls.length > 1 ? 3000 : 20_000),
          ...(body === undefined
            ? {}
            : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
        })
        const text = await response.text()
        const answer = { status: response.status, body: (text === '' ? {} : JSON.parse(text)) as Body }
        if (response.status < 500 || url === this.urls.at(-1)) return answer
        last = answer
      } catch (error) {
        last = error
      }
    }
    throw new Error(`${method} ${path}: no control plane answers`, { cause: last })
  }

  /** The body of a 2xx; anything else is an error that shows the answer. */
  async must<Body = Record<string, unknown>>(method: string, path: string, body?: unknown): Promise<Body> {
    const answer = await this.call<Body>(method, path, body)
    if (answer.status >= 200 && answer.status < 300) return answer.body
    throw new Error(`${method} ${path} answered ${answer.status}: ${JSON.stringify(answer.body)}`)
  }

  async apply(documents: readonly object[]): Promise<ApplyResult> {
    return this.must<ApplyResult>('POST', '/v1/apply', { documents, reason: 'test' })
  }

  async placement(): Promise<PlacementDocument> {
    return this.must<PlacementDocument>('GET', '/v1/placements')
  }

  /** Begins one by hand; 409 and the like come back as they are. */
  async begin(
    kind: 'failovers' | 'failbacks',
    cluster: string,
    more: Readonly<Record<string, unknown>> = {},
  ): Promise<ControlAnswer<ShownOperation>> {
    return this.call<ShownOperation>('POST', `/v1/${kind}`, { cluster, reason: 'test', ...more })
  }

  /** Waits for the end of an operation; gives how it ended. */
  async ended(kind: 'failovers' | 'failbacks', id: string, timeoutMs = 60_000): Promise<ShownOperation> {
    let last: unknown
    return waitFor(
      async () => {
        const shown = await this.must<ShownOperation>('GET', `/v1/${kind}/${encodeURIComponent(id)}`)
        last = shown
        return shown.state === 'running' || shown.state === 'undoing' ? undefined : shown
      },
      { describe: `the end of ${kind} ${id}`, timeoutMs, intervalMs: 100, state: () => last },
    )
  }

  /** Newest first. */
  async list(kind: 'failovers' | 'failbacks'): Promise<readonly ShownOperation[]> {
    return (await this.must<{ items: readonly ShownOperation[] }>('GET', `/v1/${kind}`)).items
  }
}
