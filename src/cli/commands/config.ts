import { type Command, Option } from 'commander'
import { ConfigError, loadConfig, type SettingSource } from '../../config/load.ts'
import { type ProcessName, processSettings } from '../../config/processes.ts'
import { publicName, type Setting } from '../../config/setting.ts'
import { examples, present } from '../context.ts'
import type { GlobalOptions } from '../endpoints.ts'
import { table } from '../output.ts'
import type { Terminal } from '../terminal.ts'

const processes = ['proxy', 'control', 'router'] as const satisfies readonly ProcessName[]

interface ConfigOptions {
  readonly config?: string
  readonly process?: (typeof processes)[number]
}

interface ShownSetting {
  readonly process: string
  readonly key: string
  /** As it would be typed; secrets are `***`. */
  readonly value: string
  readonly source: SettingSource
}

/** `forebay config check|show` */
export function addConfigCommands(program: Command, terminal: Terminal): void {
  const config = program
    .command('config')
    .description('The configuration that a process would start with here')
    .addHelpText('after', examples('forebay config check --config forebay.yaml'))
  const verbs = [
    ['check', 'Refuse a wrong configuration with the sentence that the process would say (exit 2)', check],
    ['show', 'Every setting with its value and where that comes from; secrets are masked', show],
  ] as const
  for (const [verb, description, action] of verbs) {
    config
      .command(verb)
      .description(description)
      .option('--config <file>', 'YAML file with the sections proxy, control, router')
      .addOption(new Option('--process <name>', 'only this process').choices(processes))
      .addHelpText(
        'after',
        examples(`forebay config ${verb} --config forebay.yaml`, `forebay config ${verb} --process proxy`),
      )
      .action((options: ConfigOptions, command: Command) =>
        action(terminal, command.optsWithGlobals<GlobalOptions>().json === true, options),
      )
  }
}

function check(terminal: Terminal, json: boolean, options: ConfigOptions): void {
  const names = [...new Set(collect(terminal, options).map((setting) => setting.process))]
  present({ terminal, json }, { ok: true, processes: names }, () => `ok: ${names.join(', ')}\n`)
}

function show(terminal: Terminal, json: boolean, options: ConfigOptions): void {
  const settings = collect(terminal, options)
  present({ terminal, json }, settings, () =>
    table(
      ['process', 'key', 'value', 'source'],
      settings.map(({ process, key, value, source }) => [process, key, value, source]),
    ),
  )
}

function collect(terminal: Terminal, { config, process }: ConfigOptions): ShownSetting[] {
  const names = process === undefined ? processes : [process]
  return names.flatMap((name) => {
    const argv = config === undefined ? [] : ['--config', config]
    const { values, sources } = load(name, argv, terminal)
    return Object.entries<Setting<unknown>>(processSettings[name]).map(([key, setting]) => ({
      process: name,
      key: publicName(key),
      value: setting.format(values[key]),
      source: sources[key] ?? 'default',
    }))
  })
}

function load(
  name: ProcessName,
  argv: readonly string[],
  terminal: Terminal,
): { values: Readonly<Record<string, unknown>>; sources: Readonly<Record<string, SettingSource>> } {
  try {
    return loadConfig(name, { argv, environment: terminal.environment })
  } catch (error) {
    // The same file is read for several processes: say which one refuses it.
    if (error instanceof ConfigError) throw new ConfigError(`${name}: ${error.message}`, { cause: error })
    throw error
  }
}
