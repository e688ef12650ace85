import type { Command } from 'commander'
import { ControlClient } from './client.ts'
import { type Endpoints, findEndpoints, type GlobalOptions } from './endpoints.ts'
import type { Terminal } from './terminal.ts'

/** What a command works with. */
export interface CommandContext {
  readonly terminal: Terminal
  readonly control: ControlClient
  readonly endpoints: Endpoints
  readonly json: boolean
}

/** Runs a command's work with a client of the control plane that is closed afterwards. */
export async function withControl(
  terminal: Terminal,
  command: Command,
  work: (context: CommandContext) => Promise<void>,
): Promise<void> {
  const options = command.optsWithGlobals<GlobalOptions>()
  const endpoints = findEndpoints(options, terminal)
  const control = new ControlClient(endpoints.control, endpoints.token, terminal.interrupted)
  try {
    await work({ terminal, control, endpoints, json: options.json === true })
  } finally {
    await control.close()
  }
}

/** The result of a command: `value` as one JSON value with `--json`, else the text for people. */
export function present(
  { terminal, json }: Pick<CommandContext, 'terminal' | 'json'>,
  value: unknown,
  text: () => string,
): void {
  terminal.write(json ? `${JSON.stringify(value, undefined, 2)}\n` : text())
}

/** The examples below a command's `--help`. */
export function examples(...lines: readonly string[]): string {
  return `\nExamples:\n${lines.map((line) => `  ${line}`).join('\n')}\n`
}
