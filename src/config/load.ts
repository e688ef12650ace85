import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { parse as parseYaml } from 'yaml'
import { unknownWord } from '../core/did-you-mean.ts'
import { type ProcessName, processSettings } from './processes.ts'
import {
  environmentName,
  flagName,
  keyOf,
  publicName,
  type Setting,
  type Settings,
  unknownSetting,
  type Values,
} from './setting.ts'

/** Wrong usage or configuration: the process says `message` and exits with 2. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
}

export interface ConfigInput {
  /** Arguments after the process's name. */
  readonly argv: readonly string[]
  readonly environment?: Readonly<Record<string, string | undefined>>
}

export type SettingSource = 'flag' | 'environment' | 'file' | 'default'

export interface LoadedConfig<Table extends Settings> {
  readonly values: Values<Table>
  readonly sources: Readonly<Record<keyof Table, SettingSource>>
  /** True when `--help` was among the arguments: print `settingsHelp` and stop. */
  readonly help: boolean
}

type Raw = string | number | boolean | readonly unknown[]

/**
 * Reads one process's configuration: flags > `FOREBAY_*` > the process's section of the YAML file of `--config` > defaults.
 * Frozen. Throws `ConfigError` with a sentence that names the key.
 */
export function loadConfig<Name extends ProcessName>(
  name: Name,
  input: ConfigInput,
): LoadedConfig<(typeof processSettings)[Name]> {
  type Table = (typeof processSettings)[Name]
  const table: Settings = processSettings[name]
  const environment = input.environment ?? process.env
  const flags = readFlags(name, table, input.argv)
  const file = flags.config ?? environment.FOREBAY_CONFIG
  const fromEnvironment = readEnvironment(table, environment)
  const fromFile = file === undefined ? new Map<string, Raw>() : readSection(file, name, table)
  const values: Record<string, unknown> = {}
  const sources: Record<string, SettingSource> = {}
  for (const [key, setting] of Object.entries(table)) {
    const found: readonly [SettingSource, string, Raw | undefined][] = [
      ['flag', `--${flagName(key)}`, flags.values.get(key)],
      ['environment', environmentName(key), fromEnvironment.get(key)],
      ['file', `${file}: ${name}.${publicName(key)}`, fromFile.get(key)],
    ]
    const given = found.find(([, , raw]) => raw !== undefined)
    values[key] = given?.[2] === undefined ? setting.fallback : parseSetting(setting, given[1], given[2])
    sources[key] = given?.[0] ?? 'default'
  }
  return Object.freeze({
    values: Object.freeze(values) as Values<Table>,
    sources: Object.freeze(sources) as Record<keyof Table, SettingSource>,
    help: flags.help,
  })
}

function parseSetting(setting: Setting<unknown>, where: string, raw: Raw): unknown {
  const value = setting.parse(raw)
  if (value !== undefined) return value
  const shown = setting.kind === 'secret' ? 'its value' : `"${String(raw)}"`
  throw new ConfigError(`${where}: ${shown} is not a ${setting.kind}`)
}

function readFlags(name: string, table: Settings, argv: readonly string[]) {
  const known = ['help', 'config', ...Object.keys(table).map(flagName)]
  const options = Object.fromEntries(
    known.map((flag) => [flag, { type: flag === 'help' ? ('boolean' as const) : ('string' as const) }]),
  )
  for (const argument of argv) {
    const flag = /^--([^=]+)/.exec(argument)?.[1]
    if (flag !== undefined && !known.includes(flag)) {
      throw new ConfigError(
        `${unknownWord(
          'option',
          `--${flag}`,
          known.map((word) => `--${word}`),
        )} See: forebay ${name} --help`,
      )
    }
  }
  try {
    const parsed = parseArgs({ args: [...argv], options, strict: true, allowPositionals: false })
    const values = new Map<string, Raw>()
    for (const [flag, value] of Object.entries(parsed.values)) {
      const key = keyOf(table, flag, flagName)
      if (key !== undefined && value !== undefined) values.set(key, value as string)
    }
    return {
      values,
      help: parsed.values.help === true,
      config: parsed.values.config as string | undefined,
    }
  } catch (error) {
    throw new ConfigError(`${(error as Error).message} See: forebay ${name} --help`, { cause: error })
  }
}

/** Variables of another process's settings are left alone; one that no process knows is refused. */
function readEnvironment(
  table: Settings,
  environment: Readonly<Record<string, string | undefined>>,
): Map<string, Raw> {
  const values = new Map<string, Raw>()
  const all = Object.values(processSettings)
  for (const [variable, value] of Object.entries(environment)) {
    if (!variable.startsWith('FOREBAY_') || variable === 'FOREBAY_CONFIG' || value === undefined) continue
    const key = keyOf(table, variable, environmentName)
    if (key !== undefined) values.set(key, value)
    else if (!all.some((other) => keyOf(other, variable, environmentName) !== undefined)) {
      throw new ConfigError(unknownSetting('environment variable', variable, all, environmentName))
    }
  }
  return values
}

function readSection(file: string, name: ProcessName, table: Settings): Map<string, Raw> {
  const document = readFile(file)
  const section = document[name] ?? {}
  if (typeof section !== 'object' || section === null || Array.isArray(section)) {
    throw new ConfigError(`${file}: ${name} must be a mapping of settings`)
  }
  const values = new Map<string, Raw>()
  for (const [written, raw] of Object.entries(section)) {
    const key = keyOf(table, written, publicName)
    if (key === undefined)
      throw new ConfigError(`${file}: ${unknownSetting(`key in ${name}`, written, [table], publicName)}`)
    if (raw === null || (typeof raw === 'object' && !Array.isArray(raw))) {
      throw new ConfigError(`${file}: ${name}.${written}: a ${table[key]?.kind} is needed here`)
    }
    values.set(key, raw as Raw)
  }
  return values
}

function readFile(file: string): Record<string, unknown> {
  let document: unknown
  try {
    document = parseYaml(readFileSync(file, 'utf8')) ?? {}
  } catch (error) {
    throw new ConfigError(`cannot read the configuration ${file}: ${(error as Error).message}`, {
      cause: error,
    })
  }
  if (typeof document !== 'object' || document === null || Array.isArray(document)) {
    throw new ConfigError(
      `${file}: the file must be a mapping with the sections ${Object.keys(processSettings).join(', ')}`,
    )
  }
  for (const section of Object.keys(document)) {
    if (!(section in processSettings))
      throw new ConfigError(`${file}: ${unknownWord('section', section, Object.keys(processSettings))}`)
  }
  return document as Record<string, unknown>
}
