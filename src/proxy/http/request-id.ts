import { randomBytes } from 'node:crypto'

const prefix = randomBytes(6).toString('hex')
let counter = 0

/** Forebay-Request-Id: unique over processes by a random prefix, within this one by a counter. Costs no randomness per request. */
export function nextRequestId(): string {
  counter += 1
  return `${prefix}-${counter.toString(36)}`
}
