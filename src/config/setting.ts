import { unknownWord } from '../core/did-you-mean.ts'
import { formatBytes, formatDurationMs, parseBytes, parseDurationMs } from '../core/units.ts'

/** One key of the configuration: how its text is read, what it is when absent, and what the help says. */
export interface Setting<Value> {
  readonly kind: string
  readonly doc: string
  readonly fallback: Value
  /** The value as it would be typed, for `--help` and `config show`. */
  format(value: Value): string
  /** `undefined` when the text is not a value of this kind; never throws. */
  parse(raw: string | number | boolean | readonly unknown[]): Value | undefined
}

/** A file or a URL; a password in the URL is not shown. */
export function location(fallback: string, doc: string): Setting<string> {
  return { ...text(fallback, doc), format: (value) => value.replace(/^(\w+:\/\/[^:@/]*):[^@/]*@/, '$1:***@') }
}

/** Never shown by `config show` or in logs. */
export interface SecretSetting extends Setting<string> {
  readonly secret: true
}

export function text(fallback: string, doc: string): Setting<string> {
  return {
    kind: 'text',
    doc,
    fallback,
    format: (value) => value,
    parse: (raw) => (typeof raw === 'object' ? undefined : String(raw)),
  }
}

export function secret(doc: string): SecretSetting {
  return { ...text('', doc), kind: 'secret', secret: true, format: (value) => (value === '' ? '' : '***') }
}

/** Milliseconds; written with a unit: `30s`, `5m`. */
export function duration(fallback: string, doc: string, bounds: Bounds = {}): Setting<number> {
  return bounded('duration', parseDurationMs, formatDurationMs, fallback, doc, bounds)
}

/** Bytes; written with a unit: `256MiB`. */
export function bytes(fallback: string, doc: string, bounds: Bounds = {}): Setting<number> {
  return bounded('size', parseBytes, formatBytes, fallback, doc, bounds)
}

export function integer(fallback: number, doc: string, bounds: Bounds = {}): Setting<number> {
  const parse = (raw: string | number) => (/^-?\d{1,15}$/.test(String(raw).trim()) ? Number(raw) : undefined)
  return bounded('whole number', parse, String, String(fallback), doc, bounds)
}

export function oneOf<const Word extends string>(
  words: readonly Word[],
  fallback: Word,
  doc: string,
): Setting<Word> {
  return {
    kind: words.join(' | '),
    doc,
    fallback,
    format: (value) => value,
    parse: (raw) => words.find((word) => word === raw),
  }
}

export function list(fallback: readonly string[], doc: string): Setting<readonly string[]> {
  return {
    kind: 'comma-separated list',
    doc,
    fallback,
    format: (value) => value.join(','),
    parse: (raw) => {
      if (typeof raw === 'boolean' || typeof raw === 'number') return undefined
      const words = typeof raw === 'string' ? raw.split(',') : raw.map(String)
      return words.map((word) => word.trim()).filter((word) => word !== '')
    },
  }
}

/** `http://` or `https://`, one or more, none twice; without the slash at the end. */
export function urls(fallback: string, doc: string): Setting<readonly string[]> {
  const setting = list([fallback], doc)
  return {
    ...setting,
    kind: 'http URLs, comma-separated',
    parse: (raw) => {
      const words = setting.parse(raw)?.map((word) => word.replace(/\/+$/, '')) ?? []
      return words.length > 0 && words.every(isHttpUrl) ? [...new Set(words)] : undefined
    },
  }
}

function isHttpUrl(word: string): boolean {
  return /^https?:$/.test(URL.parse(word)?.protocol ?? '')
}

export interface Bounds {
  readonly min?: number
  readonly max?: number
}

function bounded(
  kind: string,
  parse: (raw: string | number) => number | undefined,
  format: (value: number) => string,
  fallback: string,
  doc: string,
  { min = 0, max = Number.MAX_SAFE_INTEGER }: Bounds,
): Setting<number> {
  const fallbackValue = parse(fallback)
  if (fallbackValue === undefined) throw new TypeError(`"${fallback}" is not a ${kind}`)
  const upper = max === Number.MAX_SAFE_INTEGER ? '' : ` to ${format(max)}`
  return {
    kind: min === 0 && upper === '' ? kind : `${kind}, ${format(min)}${upper === '' ? ' or more' : upper}`,
    doc,
    fallback: fallbackValue,
    format,
    parse: (raw) => {
      if (typeof raw === 'boolean' || typeof raw === 'object') return undefined
      const value = parse(raw)
      return value === undefined || value < min || value > max ? undefined : value
    },
  }
}

// biome-ignore lint/suspicious/noExplicitAny: a table of settings of different value types; the type of each is kept by Values<>
export type Settings = Readonly<Record<string, Setting<any>>>

export type Values<Table extends Settings> = {
  readonly [Key in keyof Table]: Table[Key] extends Setting<infer Value> ? Value : never
}

/** The name users type: the unit suffix of the code's name is in the value instead. `drainTimeoutMs` → `drainTimeout`. */
export function publicName(key: string): string {
  return key.replace(/(Ms|Bytes)$/, '')
}

/** `drainTimeoutMs` → `drain-timeout` */
export function flagName(key: string): string {
  return publicName(key).replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
}

/** `drainTimeoutMs` → `FOREBAY_DRAIN_TIMEOUT` */
export function environmentName(key: string): string {
  return `FOREBAY_${flagName(key).replaceAll('-', '_').toUpperCase()}`
}

export function keyOf(table: Settings, name: string, form: (key: string) => string): string | undefined {
  return Object.keys(table).find((key) => form(key) === name)
}

/** The sentence for a name that no setting has. */
export function unknownSetting(
  where: string,
  name: string,
  tables: readonly Settings[],
  form: (key: string) => string,
): string {
  return unknownWord(
    where,
    name,
    tables.flatMap((table) => Object.keys(table).map(form)),
  )
}
