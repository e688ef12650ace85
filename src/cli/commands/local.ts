import { request } from 'node:http'
import { resolve } from 'node:path'
import type { Command } from 'commander'
import { examples, present } from '../context.ts'
import { CommandFailure, UsageError } from '../failure.ts'
import { table } from '../output.ts'
import { readStackFile } from '../stack-file.ts'
import type { Terminal } from '../terminal.ts'

interface LocalOptions {
  readonly data: string
  readonly json?: boolean
}

interface BrokerRow {
  readonly broker: string
  readonly state: string
  readonly port: number
  readonly pid: number | null
  readonly rack: string | null
}

const actions = {
  start: 'Start a broker that is down; waits until it is ready',
  stop: 'Stop a broker cleanly',
  kill: 'kill -9 a broker',
  pause: 'Make a broker hang (SIGSTOP): its sockets stay open, nothing answers',
  resume: 'Wake a paused broker',
} as const

/** `forebay local list|start|stop|kill|pause|resume`: outages to try on the stack of `forebay start`. */
export function addLocalCommands(program: Command, terminal: Terminal): void {
  const local = program
    .command('local')
    .description('Outages to try on the local stack')
    .addHelpText('after', examples('forebay local list', 'forebay local kill fronting-a/2'))
  local
    .command('list')
    .description('The brokers of the local stack')
    .option('--data <dir>', 'folder of the stack', '.forebay')
    .addHelpText('after', examples('forebay local list', 'forebay local list --data /tmp/try --json'))
    .action(async (_options: object, command: Command) => {
      const options = command.optsWithGlobals<LocalOptions>()
      const { brokers } = await ask<{ brokers: BrokerRow[] }>(terminal, options, 'GET', '/brokers')
      present({ terminal, json: options.json === true }, brokers, () =>
        table(
          ['broker', 'state', 'port', 'pid', 'rack'],
          brokers.map(({ broker, state, port, pid, rack }) => [
            broker,
            state,
            port,
            pid ?? undefined,
            rack ?? undefined,
          ]),
        ),
      )
    })
  for (const [action, description] of Object.entries(actions)) {
    local
      .command(`${action} <cluster/broker>`)
      .description(description)
      .option('--data <dir>', 'folder of the stack', '.forebay')
      .addHelpText('after', examples(`forebay local ${action} fronting-a/2`))
      .action(async (broker: string, _options: object, command: Command) => {
        const options = command.optsWithGlobals<LocalOptions>()
        const row = await ask<BrokerRow>(
          terminal,
          options,
          'POST',
          `/brokers/${checkBroker(broker)}/${action}`,
        )
        present({ terminal, json: options.json === true }, row, () => `${row.broker}: ${row.state}\n`)
      })
  }
}

function checkBroker(text: string): string {
  if (/^[\w.-]+\/\d+$/.test(text)) return text
  throw new UsageError(`"${text}" is not CLUSTER/BROKER, e.g. fronting-a/2`)
}

/** Asks the running stack over its Unix socket. A broker's start may take a minute. */
async function ask<Value>(
  terminal: Terminal,
  { data }: LocalOptions,
  method: string,
  path: string,
): Promise<Value> {
  const directory = resolve(terminal.cwd, data)
  const stack = readStackFile(directory)
  if (stack === undefined) {
    throw new CommandFailure(`no local stack runs in ${directory}`, {
      advice: 'Start one with npm start, or name its folder with --data.',
    })
  }
  const { status, text } = await call(stack.socket, method, path, terminal.interrupted).catch(
    (error: unknown) => {
      if (terminal.interrupted.aborted) throw new CommandFailure('interrupted', { cause: error })
      throw new CommandFailure(
        `the local stack in ${directory} does not answer (${(error as Error).message})`,
        { advice: 'Was it killed? npm start ends what is left of it.', cause: error },
      )
    },
  )
  const body = JSON.parse(text) as Value & { error?: string }
  if (status >= 300) throw new CommandFailure(body.error ?? `the local stack answered ${status}`)
  return body
}

function call(
  socketPath: string,
  method: string,
  path: string,
  signal: AbortSignal,
): Promise<{ status: number; text: string }> {
  const answered = Promise.withResolvers<{ status: number; text: string }>()
  const asked = request({ socketPath, method, path, signal }, (response) => {
    let text = ''
    response.setEncoding('utf8')
    response.on('data', (part: string) => {
      text += part
    })
    response.once('error', answered.reject)
    response.once('end', () => answered.resolve({ status: response.statusCode ?? 500, text }))
  })
  asked.once('error', answered.reject)
  asked.end()
  return answered.promise
}
