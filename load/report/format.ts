import { grouped } from '../../src/cli/output.ts'
import type { Spread } from './statistics.ts'

/** `median [smallest, largest]` with so many digits after the point; whole numbers are grouped. */
export function withSpread({ median, min, max }: Spread, digits: number): string {
  return `${number(median, digits)} [${number(min, digits)}, ${number(max, digits)}]`
}

export function number(value: number, digits: number): string {
  if (Number.isNaN(value)) return '–'
  return digits === 0 ? grouped(value) : value.toFixed(digits)
}

export function mebibytes(bytes: number): string {
  return `${Math.round(bytes / 2 ** 20)} MiB`
}

/** A Markdown table: the first column to the left, the others to the right. */
export function markdownTable(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  return [
    `| ${head.join(' | ')} |`,
    `|${head.map((_, index) => (index === 0 ? '---' : '--:')).join('|')}|`,
    ...rows.map((cells) => `| ${cells.join(' | ')} |`),
  ]
}
