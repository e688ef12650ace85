import { resolve } from 'node:path'
import { flag, parse, positive, text, whole } from '../command-line.ts'
import type { TopicNames } from './places.ts'

export const demoUsage = `Usage: npm run demo [-- --data DIR --limit N …]

Replays GitHub webhook payloads and US flight records through the running local stack and shows that
each event arrives, byte for byte and exactly once, in every sink.

  --data DIR          where the stack runs (default .forebay)
  --limit N           only this many events (default: all 200,726)
  --patience SECONDS  give up when nothing more has arrived for this long (default 30)
  --events-topic T    a fast topic instead of sample.events
  --orders-topic T    a durable topic instead of sample.orders
`

export interface DemoOptions {
  /** Folder of the stack, absolute. */
  readonly data: string
  readonly limit: number | undefined
  readonly patienceMs: number
  /** What the demo's topics are called there. */
  readonly names: TopicNames
}

const options = {
  data: { ...text, default: '.forebay' },
  limit: text,
  patience: { ...text, default: '30' },
  'events-topic': { ...text, default: 'sample.events' },
  'orders-topic': { ...text, default: 'sample.orders' },
  help: flag,
} as const

/** `undefined` when help was asked for; throws `UsageError`. */
export function demoOptions(argv: readonly string[]): DemoOptions | undefined {
  const values = parse(argv, options)
  if (values.help === true) return undefined
  return {
    data: resolve(values.data),
    limit: values.limit === undefined ? undefined : whole('limit', values.limit),
    patienceMs: 1000 * positive('patience', values.patience),
    names: { 'sample.events': values['events-topic'], 'sample.orders': values['orders-topic'] },
  }
}
