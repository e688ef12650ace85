/** Reads and writes the quantities of the configuration: durations (`30s`, `8h`) and sizes (`1MiB`, `100MB`). */

const durationUnits: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
}

const sizeUnits: Readonly<Record<string, number>> = {
  b: 1,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  tb: 1e12,
  kib: 2 ** 10,
  mib: 2 ** 20,
  gib: 2 ** 30,
  tib: 2 ** 40,
}

const quantity = /^(\d+(?:\.\d+)?)\s*([a-z]*)$/i

function parseQuantity(
  text: string | number,
  units: Readonly<Record<string, number>>,
  bare: number,
): number | undefined {
  const match = quantity.exec(String(text).trim())
  if (match?.[1] === undefined || match[2] === undefined) return undefined
  const factor = match[2] === '' ? bare : units[match[2].toLowerCase()]
  if (factor === undefined) return undefined
  const value = Math.round(Number(match[1]) * factor)
  return Number.isSafeInteger(value) ? value : undefined
}

/** Milliseconds; a bare number is milliseconds. `undefined` when the text is not a duration. */
export function parseDurationMs(text: string | number): number | undefined {
  return parseQuantity(text, durationUnits, 1)
}

/** Bytes; a bare number is bytes, `k/M/G` are powers of ten with `B` and of two with `iB`. `undefined` when it is not a size. */
export function parseBytes(text: string | number): number | undefined {
  return parseQuantity(text, sizeUnits, 1)
}

/** The largest unit that says it exactly: 28800000 → `8h`. */
export function formatDurationMs(ms: number): string {
  for (const unit of ['d', 'h', 'm', 's'] as const) {
    const factor = durationUnits[unit] ?? 1
    if (ms >= factor && ms % factor === 0) return `${ms / factor}${unit}`
  }
  return `${ms}ms`
}

/** A size as people read it: 1048576 → `1MiB`, 1500 → `1500B`. Exact, so that it can be parsed again. */
export function formatBytes(bytes: number): string {
  const steps: ReadonlyArray<readonly [string, number]> = [
    ['GiB', 2 ** 30],
    ['MiB', 2 ** 20],
    ['KiB', 2 ** 10],
    ['MB', 1e6],
    ['KB', 1e3],
  ]
  for (const [unit, factor] of steps) {
    if (bytes >= factor && bytes % factor === 0) return `${bytes / factor}${unit}`
  }
  return `${bytes}B`
}
