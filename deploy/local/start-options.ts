import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { unknownWord } from '../../src/core/did-you-mean.ts'

/** The command line was typed wrongly: exit 2. */
export class StartUsageError extends Error {
  override readonly name = 'StartUsageError'
}

/** Sinks that the stack can run by now. */
export const builtSinks = ['kafka', 'file'] as const
export type BuiltSink = (typeof builtSinks)[number]
const plannedSinks = ['s3', 'opensearch', 'http']

export interface StartOptions {
  /** Absolute. */
  readonly directory: string
  readonly fresh: boolean
  readonly portBase: number | undefined
  readonly sinks: readonly BuiltSink[]
  readonly help: boolean
}

export const startHelp = `Usage: forebay start [options]

Starts the whole stack on this machine and stays in the foreground: Kafka clusters fronting-a (3 brokers), standby-a
(1 broker, and 1 that sleeps until a failover wakes it) and consumer (1 broker), control plane, proxy, router, and two sample topics. Ctrl-C stops all of it; data is kept.

  --data DIR       folder for all data, logs and stack.json (default .forebay)
  --fresh          delete the data of an earlier stack in that folder first
  --port-base N    listen on N..N+99 only, so that stacks can run side by side (default 8080-8082 and 19010-19035)
  --sinks LIST     where the sample topics are routed to: ${builtSinks.join(', ')} (default ${builtSinks.join(',')})
  --help           this text

Examples:
  npm start
  npm start -- --data /tmp/try --port-base 21000
  forebay start --fresh --sinks kafka
  forebay local kill fronting-a/2        an outage to try, from another terminal

`

const options = {
  data: { type: 'string', default: '.forebay' },
  fresh: { type: 'boolean', default: false },
  'port-base': { type: 'string' },
  sinks: { type: 'string', default: builtSinks.join(',') },
  help: { type: 'boolean', default: false },
} as const

/** Reads the arguments after `forebay start`. Throws `StartUsageError` with a sentence. */
export function parseStartOptions(argv: readonly string[], cwd: string): StartOptions {
  const known = Object.keys(options).map((name) => `--${name}`)
  for (const argument of argv) {
    const flag = /^--[^=]+/.exec(argument)?.[0]
    if (flag !== undefined && !known.includes(flag)) throw wrong(unknownWord('option', flag, known))
  }
  const { values } = read(argv)
  return {
    directory: resolve(cwd, values.data),
    fresh: values.fresh,
    portBase: values['port-base'] === undefined ? undefined : parsePortBase(values['port-base']),
    sinks: parseSinks(values.sinks),
    help: values.help,
  }
}

function read(argv: readonly string[]) {
  try {
    return parseArgs({ args: [...argv], options, strict: true, allowPositionals: false })
  } catch (error) {
    throw wrong((error as Error).message)
  }
}

function parsePortBase(text: string): number {
  const base = Number(text)
  // The stack uses N..N+99.
  if (!/^\d+$/.test(text) || base < 1024 || base > 65_436) {
    throw wrong(`--port-base: "${text}" is not a port from 1024 to 65436.`)
  }
  return base
}

function parseSinks(text: string): BuiltSink[] {
  const names = text
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '')
  if (names.length === 0) throw wrong(`--sinks: name at least one of ${builtSinks.join(', ')}.`)
  return [...new Set(names)].map((name) => {
    const built = builtSinks.find((sink) => sink === name)
    if (built !== undefined) return built
    if (plannedSinks.includes(name)) {
      throw wrong(`--sinks: the sink "${name}" is not built yet; there are ${builtSinks.join(', ')}.`)
    }
    throw wrong(`--sinks: ${unknownWord('sink', name, builtSinks)}`)
  })
}

function wrong(message: string): StartUsageError {
  return new StartUsageError(`${message}${/[.?]$/.test(message) ? '' : '.'} See: forebay start --help`)
}
