import type { TopicPlacement } from '../../core/placement.ts'
import { Problem } from '../../core/problems.ts'

/** How events are found in a body: one JSON value or array, one a line, or the body itself. */
export type BodyFormat = 'json' | 'lines' | 'opaque'

export interface MediaType {
  /** Lower case, without parameters; the names of NDJSON are one name. */
  readonly name: string
  readonly format: BodyFormat
}

/** NDJSON goes by several names; a topic that takes one takes all. */
const linesName = 'application/x-ndjson'
const linesAliases: ReadonlySet<string> = new Set([linesName, 'application/jsonl', 'application/ndjson'])

/** RFC 9110 §8.3.1: type "/" subtype, each a token. */
const typeAndSubtype = /^[!#$%&'*+.^_`|~0-9a-z-]+\/[!#$%&'*+.^_`|~0-9a-z-]+$/

const octetStream: MediaType = { name: 'application/octet-stream', format: 'opaque' }

/** Clients repeat themselves: the header as it came → what it means. Bounded, because the header is theirs to choose. */
const known = new Map<string, MediaType>()
const maxKnown = 256

/** What a Content-Type header means; none means octet-stream. Throws 415 when it is no media type at all. */
export function parseMediaType(header: string | undefined): MediaType {
  if (header === undefined) return octetStream
  const before = known.get(header)
  if (before !== undefined) return before
  const parameters = header.indexOf(';')
  const name = (parameters < 0 ? header : header.slice(0, parameters)).trim().toLowerCase()
  if (!typeAndSubtype.test(name)) {
    throw new Problem('unsupported-media-type', `Content-Type "${header.slice(0, 100)}" is not a media type.`)
  }
  const type = linesAliases.has(name)
    ? { name: linesName, format: 'lines' as const }
    : { name, format: name === 'application/json' ? ('json' as const) : ('opaque' as const) }
  if (known.size < maxKnown) known.set(header, type)
  return type
}

/** Throws 415 unless the topic takes this media type. */
export function requireTaken(type: MediaType, placement: TopicPlacement): void {
  const taken = placement.mediaTypes
  if (taken.length === 0 || taken.includes(type.name)) return
  if (type.format === 'lines' && taken.some((name) => linesAliases.has(name))) return
  throw new Problem(
    'unsupported-media-type',
    `Topic ${placement.topic} takes ${taken.join(', ')}, not ${type.name}. Set Content-Type to what the body is.`,
  )
}
