import { type ProblemName, problems } from '../../core/problems.ts'
import { maxEventIdBytes, maxKeyBytes } from '../intake/parameters.ts'
import { maxListed } from '../validate/check-events.ts'
import { problemType } from './answer.ts'

/** What `POST /v1/topics/{topic}/events` can be refused with, in the order of its status codes. */
const refusals: readonly ProblemName[] = [
  'malformed-request',
  'empty-body',
  'invalid-body',
  'invalid-parameter',
  'duplicate-header',
  'unknown-topic',
  'body-timeout',
  'too-large',
  'unsupported-encoding',
  'unsupported-media-type',
  'all-rejected',
  'strict-rejected',
  'buffer-full',
  'headers-too-large',
  'internal',
  'draining',
  'no-placement',
  'ack-timeout',
]

const rejected = {
  type: 'array',
  maxItems: maxListed,
  items: {
    type: 'object',
    required: ['index', 'reason', 'detail'],
    properties: {
      index: { type: 'integer', minimum: 0, description: 'Place among the events of the request, from 0.' },
      reason: { type: 'string', enum: ['invalid-json', 'invalid-utf8', 'too-deep', 'too-large'] },
      detail: { type: 'string' },
    },
  },
}

const rejectedTotal = { type: 'integer', description: `How many there are, when more than ${maxListed}.` }

const accepted = {
  type: 'object',
  required: ['accepted'],
  properties: { accepted: { type: 'integer', minimum: 0 }, rejected, rejectedTotal },
}

const problem = {
  type: 'object',
  required: ['type', 'title', 'status', 'detail'],
  properties: {
    type: { type: 'string', enum: refusals.map((name) => `urn:forebay:problem:${name}`) },
    title: { type: 'string' },
    status: { type: 'integer' },
    detail: { type: 'string' },
    rejected,
    rejectedTotal,
    delivered: { type: 'integer' },
    failed: { type: 'integer', description: 'Surely not written.' },
    unknown: { type: 'integer', description: 'Sent, and neither acknowledged nor refused yet.' },
  },
}

const requestIdHeader = { 'Forebay-Request-Id': { schema: { type: 'string' } } }

/** OpenAPI 3.1 of the proxy, made from the tables that the answers are made from. */
export function openApiDocument(limits: { readonly maxBodyBytes: number }): object {
  return {
    openapi: '3.1.0',
    info: { title: 'Forebay proxy', version: '1', description: 'Takes events and hands them on to Kafka.' },
    paths: {
      '/v1/topics/{topic}/events': { post: postEvents(limits.maxBodyBytes) },
      '/livez': probe('The process answers.'),
      '/readyz': probe('503 while nothing is placed or the process drains; `?verbose` says more.'),
      '/metrics': probe('Prometheus text.'),
    },
    components: { schemas: { Accepted: accepted, Problem: problem } },
  }
}

function postEvents(maxBodyBytes: number): object {
  const body = `At most ${maxBodyBytes} bytes, before and after inflating.`
  return {
    summary: 'Post events to a topic',
    parameters: [
      parameter('path', 'topic', true, { type: 'string', maxLength: 249 }, 'namespace.topic'),
      parameter(
        'query',
        'key',
        false,
        { type: 'string', minLength: 1 },
        `Record key of all events, ${maxKeyBytes} bytes at most.`,
      ),
      parameter('query', 'strict', false, { type: 'boolean' }, 'Accept nothing when one event is bad.'),
      parameter(
        'header',
        'Forebay-Event-Id',
        false,
        { type: 'string' },
        `One event only; ${maxEventIdBytes} bytes at most.`,
      ),
      parameter(
        'header',
        'Forebay-Timestamp',
        false,
        { type: 'string' },
        'One event only; RFC 3339, or milliseconds since 1970.',
      ),
      parameter(
        'header',
        'traceparent',
        false,
        { type: 'string' },
        'W3C Trace Context; passed on as a record header.',
      ),
      parameter(
        'header',
        'Content-Encoding',
        false,
        { enum: ['gzip', 'deflate', 'br', 'zstd'] },
        'One at most.',
      ),
    ],
    requestBody: {
      description: body,
      content: {
        'application/json': {
          schema: {},
          description: 'One event; the elements of a top-level array are events.',
        },
        'application/x-ndjson': {
          schema: {},
          description: 'One event a line; application/jsonl is the same.',
        },
        'application/octet-stream': { schema: {}, description: 'The body is one event.' },
        'text/plain': { schema: {}, description: 'The body is one event.' },
      },
    },
    responses: {
      200: acceptedResponse('Durable topic: every good event was acknowledged by the brokers.'),
      202: acceptedResponse('Fast topic: every good event is in the buffer.'),
      ...problemResponses(),
    },
  }
}

function parameter(
  where: string,
  name: string,
  required: boolean,
  schema: object,
  description: string,
): object {
  return { in: where, name, required, schema, description }
}

function acceptedResponse(description: string): object {
  const content = { 'application/json': { schema: { $ref: '#/components/schemas/Accepted' } } }
  return { description, headers: requestIdHeader, content }
}

/** One response for each status code; its text names the problems behind it and what to do. */
function problemResponses(): Record<string, object> {
  const responses: Record<string, object> = {}
  for (const status of new Set(refusals.map((name) => problems[name].status))) {
    const names = refusals.filter((name) => problems[name].status === status)
    const retry = status === 429 || status === 503 ? { 'Retry-After': { schema: { type: 'integer' } } } : {}
    responses[status] = {
      description: names
        .map((name) => `\`${name}\`: ${problems[name].title}. ${problems[name].advice}`)
        .join('\n\n'),
      headers: { ...requestIdHeader, ...retry },
      content: { [problemType]: { schema: { $ref: '#/components/schemas/Problem' } } },
    }
  }
  return responses
}

function probe(description: string): object {
  return { get: { summary: description, responses: { 200: { description } } } }
}
