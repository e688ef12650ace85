import type { ApplyChange, ApplyResult, FieldChange } from '../core/resources.ts'
import { plural, shownKey, showValue } from './output.ts'
import { paint, type Terminal } from './terminal.ts'

const marks = { create: '+', update: '~', unchanged: ' ' } as const
const colours = { '+': 'green', '-': 'red', '~': 'yellow' } as const

/** What `apply` did or would do: one block for each document that changes something, then a line with the counts. */
export function diffText(
  terminal: Pick<Terminal, 'colours'>,
  { changes, dryRun, version }: ApplyResult,
): string {
  const count = (action: ApplyChange['action']) => changes.filter((change) => change.action === action).length
  const counts = `${count('create')} to create, ${count('update')} to update, ${count('unchanged')} unchanged`
  const done = `${count('create')} created, ${count('update')} updated, ${count('unchanged')} unchanged`
  return [
    ...changes.map((change) => changeText(terminal, change)),
    dryRun
      ? `\n${counts}: a dry run, nothing was changed (placement version ${version})\n`
      : `\n${plural(changes.length, 'document')}: ${done} (placement version ${version})\n`,
  ].join('')
}

function changeText(terminal: Pick<Terminal, 'colours'>, change: ApplyChange): string {
  const mark = marks[change.action]
  const title = `${mark} ${change.kind} ${change.name}`
  const head =
    mark === ' '
      ? paint(terminal, 'dim', `${title} (unchanged)`)
      : paint(terminal, colours[mark], paint(terminal, 'bold', title))
  return [
    `${head}\n`,
    ...change.changes.map((field) => `    ${fieldText(terminal, field)}\n`),
    ...change.notes.map((note) => `    ${paint(terminal, 'yellow', `! ${note}`)}\n`),
  ].join('')
}

function fieldText(terminal: Pick<Terminal, 'colours'>, { path, from, to }: FieldChange): string {
  const key = shownKey(path)
  if (from === undefined) return paint(terminal, 'green', `+ ${key}: ${showValue(path, to)}`)
  if (to === undefined) return paint(terminal, 'red', `- ${key}: ${showValue(path, from)}`)
  return paint(terminal, 'yellow', `~ ${key}: ${showValue(path, from)} → ${showValue(path, to)}`)
}
