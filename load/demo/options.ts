import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { UsageError } from '../../src/cli/failure.ts'
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

/** `undefined` when help was asked for; throws `UsageError`. */
export function demoOptions(argv: readonly string[]): DemoOptions | undefined {
  const values = parse(argv)
  if (values.help === true) return undefined
  const limit = values.limit === undefined ? undefined : Number(values.limit)
  const patience = Number(values.patience)
  if (limit !== undefined && !(Number.isInteger(limit) && limit > 0)) {
    throw new UsageError('--limit needs a whole number above 0')
  }
  if (!(patience > 0)) throw new UsageError('--patience needs a number of seconds')
  const names = { 'sample.events': values['events-topic'], 'sample.orders': values['orders-topic'] }
  return { data: resolve(values.data), limit, patienceMs: patience * 1000, names }
}

function parse(argv: readonly string[]) {
  try {
    return parseArgs({
      args: [...argv],
      options: {
        data: { type: 'string', default: '.forebay' },
        limit: { type: 'string' },
        patience: { type: 'string', default: '30' },
        'events-topic': { type: 'string', default: 'sample.events' },
        'orders-topic': { type: 'string', default: 'sample.orders' },
        help: { type: 'boolean' },
      },
    }).values
  } catch (error) {
    throw new UsageError((error as Error).message, { cause: error })
  }
}
