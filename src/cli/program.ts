import { readFileSync } from 'node:fs'
import { Command, CommanderError } from 'commander'
import { ConfigError } from '../config/load.ts'
import { processDocs } from '../config/processes.ts'
import { addApplyCommand } from './commands/apply.ts'
import { addClusterCommands } from './commands/cluster.ts'
import { addConfigCommands } from './commands/config.ts'
import { addFailbackCommands } from './commands/failback.ts'
import { addFailoverCommands } from './commands/failover.ts'
import { addFreezeCommand } from './commands/freeze.ts'
import { addLocalCommands } from './commands/local.ts'
import { addOperationCommands } from './commands/operation.ts'
import { addPlacementCommands } from './commands/placement.ts'
import { addProxyCommands } from './commands/proxy.ts'
import { addRouteCommands } from './commands/route.ts'
import { addSendCommand } from './commands/send.ts'
import { addTailCommand } from './commands/tail.ts'
import { addTopicCommands } from './commands/topic.ts'
import { examples } from './context.ts'
import { CommandFailure, SaidFailure, UsageError } from './failure.ts'
import type { Terminal } from './terminal.ts'

/**
 * Runs one command line (the words after `forebay`). Resolves with the exit code: 0 done, 1 failed, 2 wrong usage or configuration.
 * Throws only for a fault of ours.
 */
export async function run(argv: readonly string[], terminal: Terminal): Promise<number> {
  const program = buildProgram(terminal)
  try {
    if (argv.length === 0) {
      program.outputHelp()
      return 2
    }
    await program.parseAsync([...argv], { from: 'user' })
    return 0
  } catch (error) {
    return explain(terminal, error, argv.includes('--json'))
  }
}

/** The whole command tree. */
export function buildProgram(terminal: Terminal): Command {
  const program = new Command('forebay')
    .description('HTTP event ingestion in front of Kafka')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => terminal.write(text),
      writeErr: (text) => terminal.note(text),
      outputError: (text, write) => write(text.replace(/^error: /, 'forebay: ')),
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    })
    .configureHelp({ showGlobalOptions: true })
    .showHelpAfterError('See: forebay --help, or --help after any command')
    .option('--control <url>', 'the control plane (or FOREBAY_CONTROL; default: the local stack)')
    .option('--proxy <url>', 'the proxy (or FOREBAY_PROXY; default: the local stack)')
    .option('--token <secret>', 'bearer token (better: FOREBAY_TOKEN)')
    .option('--json', 'print one JSON value, for programs')
    .version(readVersion(), '-V, --version', 'print the version')
    .addHelpText(
      'after',
      examples(
        'forebay start                                     the whole stack on this machine',
        'forebay send sample.events \'{"hello":"world"}\'    one event through the proxy',
        'forebay tail sample.events                        what arrives behind it',
        'forebay apply -f topics.yaml --dry-run            what would change',
      ),
    )
  addProcesses(program, terminal)
  addTopicCommands(program, terminal)
  addClusterCommands(program, terminal)
  addRouteCommands(program, terminal)
  addPlacementCommands(program, terminal)
  addFailoverCommands(program, terminal)
  addFailbackCommands(program, terminal)
  addFreezeCommand(program, terminal)
  addOperationCommands(program, terminal)
  addApplyCommand(program, terminal)
  addSendCommand(program, terminal)
  addTailCommand(program, terminal)
  addConfigCommands(program, terminal)
  addLocalCommands(program, terminal)
  program
    .command('version')
    .description('Print the version')
    .action((_options: object, command: Command) => {
      const json = command.optsWithGlobals<{ json?: boolean }>().json === true
      terminal.write(json ? `${JSON.stringify({ version: readVersion() })}\n` : `${readVersion()}\n`)
    })
  return program
}

/** The long-running ones have their own entry points (bin/forebay.js); here they only have their line in the help. */
function addProcesses(program: Command, terminal: Terminal): void {
  const summaries = {
    start: 'Run the whole stack on this machine: Kafka, proxy, router, control plane (Ctrl-C stops it)',
    proxy: processDocs.proxy.summary,
    control: processDocs.control.summary,
    router: processDocs.router.summary,
  }
  for (const [name, summary] of Object.entries(summaries)) {
    const command = program
      .command(name)
      .description(summary)
      .helpOption(false)
      .allowUnknownOption()
      .allowExcessArguments()
      .action(() => {
        throw new UsageError(`"${name}" comes first: forebay ${name} [options]`)
      })
    if (name === 'proxy') addProxyCommands(command, terminal)
  }
}

function explain(terminal: Terminal, error: unknown, json: boolean): number {
  // commander has printed its own sentence, or the help that was asked for.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
  if (error instanceof UsageError || error instanceof ConfigError) {
    terminal.note(`forebay: ${error.message}\n`)
    return 2
  }
  if (!(error instanceof CommandFailure)) throw error
  if (error instanceof SaidFailure) return 1
  terminal.note(`forebay: ${error.message}\n${error.advice === undefined ? '' : `${error.advice}\n`}`)
  if (json) {
    const value = { error: error.problem ?? { title: error.message }, advice: error.advice }
    terminal.write(`${JSON.stringify(value, undefined, 2)}\n`)
  }
  return isWrongConfiguration(error) ? 2 : 1
}

/** The server read a document and found it wrong: that is the document's fault, as with a file of settings. */
function isWrongConfiguration({ problem }: CommandFailure): boolean {
  const name = problem?.type.replace('urn:forebay:problem:', '')
  return name === 'invalid-document' || name === 'not-supported-yet'
}

/** package.json lies two folders above the sources and three above the compiled ones. */
function readVersion(): string {
  for (const up of ['../../package.json', '../../../package.json']) {
    try {
      const { name, version } = JSON.parse(readFileSync(new URL(up, import.meta.url), 'utf8')) as {
        name?: string
        version?: string
      }
      if (name === 'forebay' && version !== undefined) return version
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    }
  }
  return 'unknown'
}
