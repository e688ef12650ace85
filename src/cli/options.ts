import { InvalidArgumentError } from 'commander'
import { parseBytes, parseDurationMs } from '../core/units.ts'

/** Parsers of option values; each throws commander's error, which names the option (exit 2). */

export function wholeNumber(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new InvalidArgumentError('A whole number is needed here, such as 100.')
  return Number(text)
}

export function positiveNumber(text: string): number {
  const value = Number(text)
  if (text.trim() === '' || !Number.isFinite(value) || value <= 0) {
    throw new InvalidArgumentError('A number greater than 0 is needed here.')
  }
  return value
}

/** Bytes. */
export function sizeOption(text: string): number {
  const bytes = parseBytes(text)
  if (bytes === undefined) throw new InvalidArgumentError('A size is needed here, such as 300B or 1MiB.')
  return bytes
}

/** Milliseconds. */
export function durationOption(text: string): number {
  const ms = parseDurationMs(text)
  if (ms === undefined) throw new InvalidArgumentError('A duration is needed here, such as 30s or 5m.')
  return ms
}

export function listOption(text: string): readonly string[] {
  return text
    .split(',')
    .map((word) => word.trim())
    .filter((word) => word !== '')
}

/** An option that may be given several times. */
export function repeated(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, text]
}
