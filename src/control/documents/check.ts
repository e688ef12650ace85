import { Ajv2020, type ErrorObject, type ValidateFunction } from 'ajv/dist/2020.js'
import { unknownWord } from '../../core/did-you-mean.ts'
import { Problem } from '../../core/problems.ts'
import { parseBytes, parseDurationMs } from '../../core/units.ts'
import type { ResourceKind } from '../store/control-store.ts'
import { documentSchemas, fileSinkSchema, kafkaSinkSchema } from './schemas.ts'

export type JsonObject = Readonly<Record<string, unknown>>

export interface CheckedDocument {
  readonly kind: ResourceKind
  readonly document: JsonObject
  /** How messages call it, e.g. `Topic web.clicks`. */
  readonly label: string
}

/** Known words of the interface that are not built yet: refused as such, not as a mistyped key. */
const unbuiltKeys: Readonly<Record<ResourceKind, readonly string[]>> = {
  Namespace: [],
  Cluster: ['tls', 'sasl'],
  Topic: ['quota', 'key', 'eventTime', 'schema', 'onInvalid'],
  Route: ['filter', 'project', 'dedupe'],
}
const unbuiltSinks = ['s3', 'opensearch', 'http']
const kinds = Object.keys(documentSchemas) as ResourceKind[]

const ajv = new Ajv2020({ strict: false })
ajv.addFormat('forebay-duration', { type: 'string', validate: (text) => parseDurationMs(text) !== undefined })
ajv.addFormat('forebay-size', { type: 'string', validate: (text) => parseBytes(text) !== undefined })

const { sink: _anySink, ...routeWithoutSink } = documentSchemas.Route.properties
const validators: Readonly<Record<ResourceKind, ValidateFunction>> = {
  Namespace: ajv.compile(documentSchemas.Namespace),
  Cluster: ajv.compile(documentSchemas.Cluster),
  Topic: ajv.compile(documentSchemas.Topic),
  // The sink has its own check, whose messages do not have to speak of "one of".
  Route: ajv.compile({
    ...documentSchemas.Route,
    properties: { ...routeWithoutSink, sink: { type: 'object' } },
  }),
}
const sinkValidators = { kafka: ajv.compile(kafkaSinkSchema), file: ajv.compile(fileSinkSchema) }
const sinkSchemas = { kafka: kafkaSinkSchema, file: fileSinkSchema }

/**
 * Checks the form of a document as users write it. `expected` is the kind that the address says; without it the document must name its
 * own. Throws a Problem, `invalid-document` or `not-supported-yet`, whose detail names the path.
 */
export function checkDocument(value: unknown, expected?: ResourceKind): CheckedDocument {
  if (!isObject(value)) throw invalid(expected ?? 'document', '', 'must be a mapping of keys')
  const kind = readKind(value, expected)
  const known = documentSchemas[kind].properties
  const label = `${kind} ${typeof value.name === 'string' ? value.name.slice(0, 260) : '(without name)'}`
  checkKeys(label, '', value, Object.keys(known), unbuiltKeys[kind])
  if (kind === 'Route') checkGuarantee(label, value.guarantee)
  const validate = validators[kind]
  if (!validate(value)) throw explain(label, '', value, validate.errors?.[0])
  if (kind === 'Route') checkSink(label, value.sink as JsonObject)
  return { kind, document: value, label }
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** A Problem about one place in a document; `path` is dotted, '' for the whole. */
export function invalid(label: string, path: string, sentence: string): Problem {
  return new Problem('invalid-document', `${label}: ${path === '' ? '' : `${path}: `}${sentence}`, {
    extensions: { path },
  })
}

function readKind(value: JsonObject, expected: ResourceKind | undefined): ResourceKind {
  const { kind = expected } = value
  if (kind === undefined) throw invalid('document', 'kind', `is missing: one of ${kinds.join(', ')}`)
  const found = kinds.find((word) => word === kind)
  if (found === undefined) throw invalid('document', 'kind', unknownWord('kind', String(kind), kinds))
  if (expected !== undefined && found !== expected)
    throw invalid('document', 'kind', `must be ${expected} here`)
  return found
}

function checkKeys(
  label: string,
  path: string,
  value: JsonObject,
  known: readonly string[],
  unbuilt: readonly string[],
): void {
  for (const key of Object.keys(value)) {
    if (known.includes(key)) continue
    const full = path === '' ? key : `${path}.${key}`
    if (unbuilt.includes(key)) throw notYet(label, full)
    throw invalid(label, full, unknownWord('key', key.slice(0, 100), [...known, ...unbuilt]))
  }
}

function checkGuarantee(label: string, guarantee: unknown): void {
  if (guarantee === 'exactly-once') throw notYet(label, 'guarantee: exactly-once')
}

function checkSink(label: string, sink: JsonObject): void {
  const { type } = sink
  if (unbuiltSinks.includes(String(type))) throw notYet(label, `sink.type: ${type}`)
  if (type !== 'kafka' && type !== 'file') {
    throw invalid(label, 'sink.type', unknownWord('sink', String(type), ['kafka', 'file', ...unbuiltSinks]))
  }
  checkKeys(label, 'sink', sink, Object.keys(sinkSchemas[type].properties), [])
  const validate = sinkValidators[type]
  if (!validate(sink)) throw explain(label, 'sink', sink, validate.errors?.[0])
}

function notYet(label: string, what: string): Problem {
  return new Problem('not-supported-yet', `${label}: ${what} is not supported yet`)
}

/** Sentences for patterns, which nobody should have to read. */
const patternSentences: Readonly<Record<string, string>> = {
  name: 'has characters or a form that a name of this kind cannot have',
  'Topic.name': 'must be namespace.topic of letters, digits, ".", "_" and "-", and not begin with "__"',
  topic: 'must be namespace.topic of letters, digits, ".", "_" and "-", and not begin with "__"',
  owner: 'must be 1 to 100 characters',
  bootstrap: 'must be host:port',
}

function explain(label: string, prefix: string, value: JsonObject, error: ErrorObject | undefined): Problem {
  const parts = (error?.instancePath ?? '').split('/').slice(1)
  const missing = error?.keyword === 'required' ? [String(error.params.missingProperty)] : []
  const path = [...(prefix === '' ? [] : [prefix]), ...parts, ...missing].join('.')
  if (missing.length > 0) return invalid(label, path, 'is missing')
  const given = parts.reduce<unknown>(
    (at, part) => (at as Record<string, unknown> | undefined)?.[part],
    value,
  )
  const shown = JSON.stringify(given)?.slice(0, 100)
  if (error?.keyword === 'enum')
    return invalid(label, path, unknownWord('value', String(given).slice(0, 100), error.params.allowedValues))
  if (error?.keyword === 'format') {
    const isSize = error.params.format === 'forebay-size'
    return invalid(label, path, `${shown} is not a ${isSize ? 'size such as 1MiB' : 'duration such as 8h'}`)
  }
  if (error?.keyword === 'pattern') {
    const key = parts[0] ?? ''
    const kind = label.split(' ')[0]
    return invalid(
      label,
      path,
      `${shown} ${patternSentences[`${kind}.${key}`] ?? patternSentences[key] ?? 'has a wrong form'}`,
    )
  }
  return invalid(label, path, `${shown} ${error?.message ?? 'is not valid'}`)
}
