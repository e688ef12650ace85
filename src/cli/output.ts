import { formatBytes, formatDurationMs } from '../core/units.ts'

/** Left-aligned columns, two spaces apart; numbers to the right. The header is in capitals. Without rows: `none`. */
export function table(header: readonly string[], rows: readonly (readonly Cell[])[]): string {
  if (rows.length === 0) return 'none\n'
  const texts = rows.map((row) => row.map(cellText))
  const widths = header.map((title, column) =>
    Math.max(title.length, ...texts.map((row) => row[column]?.length ?? 0)),
  )
  const numeric = header.map((_, column) => rows.every((row) => typeof row[column] === 'number'))
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, column) =>
        numeric[column] ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0),
      )
      .join('  ')
      .trimEnd()
  return `${[line(header.map((title) => title.toUpperCase())), ...texts.map(line)].join('\n')}\n`
}

export type Cell = string | number | undefined

function cellText(cell: Cell): string {
  return cell === undefined || cell === '' ? '-' : String(cell)
}

/** One thing as `key: value` lines; values with units as they are typed in a document. Absent ones are left out. */
export function fields(value: object): string {
  const rows = Object.entries(value).filter(([, field]) => field !== undefined)
  const width = Math.max(...rows.map(([key]) => shownKey(key).length)) + 2
  return rows.map(([key, field]) => `${`${shownKey(key)}:`.padEnd(width)}${showValue(key, field)}\n`).join('')
}

/** The unit is in the value instead: `retentionMs` → `retention`. `maxEventBytes` is typed so in documents too. */
export function shownKey(key: string): string {
  return key.replace(/Ms$/, '')
}

export function showValue(key: string, value: unknown): string {
  if (typeof value === 'number' && /Ms$/.test(key)) return formatDurationMs(value)
  if (typeof value === 'number' && /Bytes$/.test(key)) return formatBytes(value)
  if (Array.isArray(value) && value.every((item) => typeof item !== 'object')) return value.join(', ') || '-'
  return typeof value === 'object' ? JSON.stringify(value) : String(value)
}

/** 1234567 → `1,234,567`, independent of the machine's language. */
export function grouped(count: number): string {
  return Math.round(count)
    .toString()
    .replace(/\B(?=(\d{3})+$)/g, ',')
}

/** `1 event`, `2 events`. */
export function plural(count: number, word: string): string {
  return `${grouped(count)} ${word}${count === 1 ? '' : 's'}`
}
