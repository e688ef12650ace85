import { Problem } from '../core/problems.ts'
import type { Verdict } from './validate/check-events.ts'

/** What a judged request is told: 202 or 200 with counts, or a problem that its events brought about. */
export type Judgement =
  | {
      readonly kind: 'taken'
      readonly status: 200 | 202
      readonly accepted: number
      readonly verdict: Verdict
    }
  | { readonly kind: 'problem'; readonly problem: Problem }

/** `rejected` and, where the list is cut, `rejectedTotal`: members of an answer, none when all events are good. */
export function listed(verdict: Verdict): Readonly<Record<string, unknown>> {
  if (verdict.bad === 0) return {}
  const { rejections, bad } = verdict
  return bad > rejections.length ? { rejected: rejections, rejectedTotal: bad } : { rejected: rejections }
}

/** A problem that lists the bad events. */
export function refusal(
  name: 'all-rejected' | 'strict-rejected' | 'too-large',
  detail: string,
  verdict: Verdict,
): Judgement {
  return { kind: 'problem', problem: new Problem(name, detail, { extensions: listed(verdict) }) }
}
