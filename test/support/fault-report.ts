import { markdownTable, number, withSpread } from '../../load/report/format.ts'
import { spread } from '../../load/report/statistics.ts'
import type { RowFigures } from './fault-figures.ts'
import type { FileRun } from './fault-file-run.ts'

/** All runs of one file under one command. */
export interface FileReport {
  readonly file: string
  readonly command: string
  /** ISO 8601 */
  readonly at: string
  readonly commit: string
  readonly machine: string
  readonly runs: readonly FileRun[]
}

/** The file of a row has its id in front. */
export function rowOf(file: string): string {
  return file.slice(0, file.indexOf('-')).toUpperCase()
}

/** What went wrong or was left out in every run, a line each. */
export function remarks(runs: readonly FileRun[]): string[] {
  const lines: string[] = []
  const ran = new Set(
    runs.flatMap(({ tests }) => tests.filter(({ outcome }) => outcome !== 'skipped')).map(({ name }) => name),
  )
  for (const { file, tests, timedOut, passed } of runs) {
    if (timedOut) lines.push(`${file}: killed at its time limit`)
    else if (!passed && tests.length === 0) lines.push(`${file}: ended before any of its tests did`)
    for (const { name, outcome, word } of tests)
      if (outcome === 'failed' || (outcome === 'skipped' && !ran.has(name)))
        lines.push(`${outcome}: ${name}${word === '' ? '' : `: ${word}`}`)
  }
  return [...new Set(lines)]
}

/** The Markdown of some files: a table of what was counted, and each row's own figures. */
export function faultMarkdown(reports: readonly FileReport[]): string {
  const lines = [
    '# Faults',
    '',
    'Made by `npm run test:fault -- … --write`, which replaces the rows that it ran. Sums over all runs; events, except refused (requests).',
    'Lost: acknowledged and not found afterwards by an independent reader. Duplicates ≤ resent in every run.',
    '',
  ]
  for (const group of groupedByCommand(reports)) {
    const [first] = group
    if (first === undefined) continue
    lines.push(`## \`${first.command}\``, '')
    lines.push(`${first.at}, commit ${first.commit}; ${first.machine}`, '', ...countsTable(group), '')
    const more = group.flatMap((report) => moreFigures(report))
    if (more.length > 0) lines.push('Medians over the runs with [smallest, largest]:', '', ...more, '')
    const said = remarks(group.flatMap(({ runs }) => runs))
    if (said.length > 0) lines.push('Not passed:', '', ...said.map((line) => `- ${line}`), '')
  }
  return `${lines.join('\n').trimEnd()}\n`
}

function groupedByCommand(reports: readonly FileReport[]): FileReport[][] {
  const groups = Map.groupBy(reports, ({ command, at }) => `${command} ${at}`)
  return [...groups.values()]
}

const head = [
  ...['test', 'passed', 'acknowledged', 'lost fast', 'lost durable', 'duplicates', 'resent', 'refused'],
  'most RSS',
]

function countsTable(reports: readonly FileReport[]): string[] {
  const rows = reports.flatMap((report) => namesOf(report).map((name) => countsOf(report, name)))
  return markdownTable(head, rows)
}

function countsOf({ runs }: FileReport, name: string): string[] {
  const ended = runs.flatMap(({ tests }) => tests.filter((test) => test.name === name))
  const ran = ended.filter(({ outcome }) => outcome !== 'skipped').length
  const passed = ended.filter(({ outcome }) => outcome === 'passed').length
  const figures = figuresOf(runs, name)
  const sum = (of: (figures: RowFigures) => number) =>
    number(
      figures.reduce((total, one) => total + of(one), 0),
      0,
    )
  const rss = Math.max(0, ...figures.map(({ maxRssMiB }) => maxRssMiB))
  return [
    name,
    ran === 0 ? 'skipped' : `${passed} of ${ran}`,
    ...(figures.length === 0
      ? ['–', '–', '–', '–', '–', '–']
      : [
          sum(({ accepted }) => accepted),
          sum(({ lostFast }) => lostFast),
          sum(({ lostDurable }) => lostDurable),
          sum(({ duplicates }) => duplicates),
          sum(({ resent }) => resent),
          sum(({ refused }) => refused),
        ]),
    rss === 0 ? '–' : `${rss} MiB`,
  ]
}

function moreFigures(report: FileReport): string[] {
  return namesOf(report).flatMap((name) => {
    const figures = figuresOf(report.runs, name)
    const keys = new Set(figures.flatMap(({ more }) => Object.keys(more)))
    const told = [...keys].map((key) => {
      const values = figures.map(({ more }) => more[key]).filter((value) => value !== undefined)
      const digits = values.every((value) => Number.isInteger(value)) ? 0 : 2
      const [only] = values
      return `${key} ${values.length === 1 && only !== undefined ? number(only, digits) : withSpread(spread(values), digits)}`
    })
    return told.length === 0 ? [] : [`- ${name}: ${told.join('; ')}`]
  })
}

function namesOf({ runs }: FileReport): string[] {
  return [...new Set(runs.flatMap(({ tests }) => tests.map(({ name }) => name)))]
}

function figuresOf(runs: readonly FileRun[], name: string): RowFigures[] {
  return runs.flatMap(({ figures }) => figures.filter((one) => one.name === name))
}
