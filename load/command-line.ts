import { type ParseArgsOptionsConfig, parseArgs } from 'node:util'
import { UsageError } from '../src/cli/failure.ts'

/** For the tables of options. */
export const text = { type: 'string' } as const
export const flag = { type: 'boolean' } as const

/** The values by name. Throws `UsageError` for what the table does not know, as all functions here do for what cannot be. */
export function parse<const Options extends ParseArgsOptionsConfig>(
  argv: readonly string[],
  options: Options,
) {
  try {
    return parseArgs({ args: [...argv], options }).values
  } catch (error) {
    throw new UsageError((error as Error).message, { cause: error })
  }
}

/** As it was typed, for a report. */
export function typed(command: string, argv: readonly string[]): string {
  return [command, ...(argv.length === 0 ? [] : ['--', ...argv])].join(' ')
}

export function whole(name: string, value: string, least = 1): number {
  const number = Number(value)
  if (!Number.isSafeInteger(number) || number < least)
    throw new UsageError(`--${name} needs a whole number of ${least} or more, not "${value}"`)
  return number
}

export function positive(name: string, value: string): number {
  const number = Number(value)
  if (!(number > 0 && Number.isFinite(number)))
    throw new UsageError(`--${name} needs a number above 0, not "${value}"`)
  return number
}

export function word<Word extends string>(name: string, value: string, known: readonly Word[]): Word {
  const found = known.find((candidate) => candidate === value)
  if (found === undefined) throw new UsageError(`--${name}: "${value}" is none of ${known.join(', ')}`)
  return found
}
