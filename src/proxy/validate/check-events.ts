import { isUtf8 } from 'node:buffer'
import type { EventBounds } from '../../core/event-bounds.ts'
import { grammarFault, tooDeep } from '../../core/json-grammar.ts'
import { scanFault, structureFault, unjudged } from '../../core/json-scan.ts'
import type { RejectReason } from '../../core/outcome.ts'
import type { EventCheck } from '../../core/placement.ts'

/** One entry of `rejected` in an answer (interface.md "The proxy"). */
export interface Rejection {
  /** Place among the events of the request, from 0. */
  readonly index: number
  readonly reason: RejectReason
  readonly detail: string
}

export interface EventRules {
  readonly check: EventCheck
  readonly maxEventBytes: number
  readonly maxDepth: number
}

export interface Verdict {
  /** Events that passed; their bounds come first now, in order. */
  readonly good: number
  readonly bad: number
  /** How many for which reason. */
  readonly reasons: ReadonlyMap<RejectReason, number>
  /** The first `maxListed` of the bad ones. */
  readonly rejections: readonly Rejection[]
}

/** An answer lists no more bad events than this; the number of the others is told. */
export const maxListed = 100

const noReasons: ReadonlyMap<RejectReason, number> = new Map()

/**
 * Looks at each event of a body and closes the ranks of the good ones in `bounds`. Opaque events are checked for size only; an empty
 * place between two commas of an array is never an event.
 */
export function checkEvents(body: Buffer, bounds: EventBounds, opaque: boolean, rules: EventRules): Verdict {
  const { pairs, count } = bounds
  const looked = !opaque && rules.check !== 'none'
  const wholeIsUtf8 = !looked || isUtf8(body)
  const tally = new BadTally()
  let good = 0
  for (let index = 0; index < count; index += 1) {
    const start = pairs[2 * index] as number
    const end = pairs[2 * index + 1] as number
    let reason: RejectReason | undefined
    if (end - start > rules.maxEventBytes) reason = 'too-large'
    else if (!wholeIsUtf8 && !isUtf8(body.subarray(start, end))) reason = 'invalid-utf8'
    else if (looked)
      reason = faultOf(body, start, end, bounds.scanned ? bounds.faults[index] : undefined, rules)
    else if (bounds.scanned && start === end) reason = 'invalid-json'
    if (reason !== undefined) {
      tally.add(index, reason, body, start, end, rules)
      continue
    }
    if (good !== index) {
      pairs[2 * good] = start
      pairs[2 * good + 1] = end
    }
    good += 1
  }
  bounds.count = good
  return { good, bad: count - good, reasons: tally.reasons, rejections: tally.rejections }
}

/** `known`: what the search for the events found already. */
function faultOf(
  body: Buffer,
  start: number,
  end: number,
  known: number | undefined,
  rules: EventRules,
): RejectReason | undefined {
  if (rules.check === 'grammar') {
    const fault = grammarFault(body, start, end, rules.maxDepth)
    if (fault === -1) return undefined
    return fault === tooDeep ? 'too-deep' : 'invalid-json'
  }
  const fault =
    known === undefined || known === unjudged ? structureFault(body, start, end, rules.maxDepth) : known
  if (fault === 0) return undefined
  return fault === scanFault.tooDeep ? 'too-deep' : 'invalid-json'
}

/** Made for each request, filled only for bad ones. */
class BadTally {
  reasons = noReasons
  rejections: Rejection[] = []

  add(
    index: number,
    reason: RejectReason,
    body: Buffer,
    start: number,
    end: number,
    rules: EventRules,
  ): void {
    const reasons =
      this.reasons === noReasons
        ? new Map<RejectReason, number>()
        : (this.reasons as Map<RejectReason, number>)
    reasons.set(reason, (reasons.get(reason) ?? 0) + 1)
    this.reasons = reasons
    if (this.rejections.length < maxListed) {
      this.rejections.push({ index, reason, detail: detailOf(reason, body, start, end, rules) })
    }
  }
}

function detailOf(reason: RejectReason, body: Buffer, start: number, end: number, rules: EventRules): string {
  if (reason === 'too-large')
    return `The event has ${end - start} bytes; the topic takes ${rules.maxEventBytes}.`
  if (reason === 'too-deep') return `The event is nested deeper than ${rules.maxDepth} levels.`
  if (reason === 'invalid-utf8') return 'The event is not UTF-8.'
  if (start === end) return 'There is nothing between two commas.'
  if (body[start] === 0xef && body[start + 1] === 0xbb && body[start + 2] === 0xbf) {
    return 'The event begins with a byte order mark; JSON has none (RFC 8259 section 8.1).'
  }
  const at = grammarFault(body, start, end, rules.maxDepth)
  if (at === end) return 'The event ends too early to be JSON.'
  return at < 0 ? 'The event is not JSON.' : `The event is not JSON at byte ${at - start}.`
}
