/**
 * The one table of problems (RFC 9457). Documentation, OpenAPI and the answers are made from it; `type` is
 * `urn:forebay:problem:<name>` and stable. `advice` is for the author of the client.
 */
interface ProblemKind {
  readonly status: number
  readonly title: string
  readonly advice: string
}

export const problems = {
  'malformed-request': {
    status: 400,
    title: 'The request is malformed',
    advice: 'Fix the request; a retry fails again.',
  },
  'empty-body': {
    status: 400,
    title: 'The body is empty',
    advice: 'Send one JSON value, or use application/octet-stream for empty events.',
  },
  'invalid-body': {
    status: 400,
    title: 'The body as a whole is not what its media type says',
    advice: 'Fix the body; a retry fails again.',
  },
  'invalid-parameter': {
    status: 400,
    title: 'A query parameter or header has a wrong value',
    advice: 'Fix the parameter that detail names.',
  },
  'duplicate-header': {
    status: 400,
    title: 'A header that must be there once came more than once',
    advice: 'Send Host, Authorization and Content-Type once.',
  },
  'unsupported-encoding': {
    status: 415,
    title: 'Content-Encoding is not supported',
    advice: 'Use one of gzip, deflate, br, zstd, or none.',
  },
  'unsupported-media-type': {
    status: 415,
    title: 'The topic does not take this media type',
    advice: 'Use one of the media types that detail names.',
  },
  'too-large': {
    status: 413,
    title: 'The event or body is too large',
    advice: 'Send less in one request, or raise maxEventBytes of the topic.',
  },
  'all-rejected': {
    status: 422,
    title: 'Every event was rejected',
    advice: 'Fix the events; rejected[] says what is wrong with each.',
  },
  'strict-rejected': {
    status: 422,
    title: 'Some events are bad and strict=true was asked for: nothing was accepted',
    advice: 'Fix the events in rejected[], or leave strict out.',
  },
  'body-timeout': {
    status: 408,
    title: 'The body came too slowly',
    advice: 'Retry with a faster connection.',
  },
  unauthorized: {
    status: 401,
    title: 'No or wrong credential',
    advice: 'Send Authorization: Bearer <token>.',
  },
  forbidden: { status: 403, title: 'This credential may not do that', advice: 'Ask the owner of the topic.' },
  'not-found': {
    status: 404,
    title: 'There is nothing here',
    advice: 'Check the address against /openapi.json.',
  },
  'unknown-topic': {
    status: 404,
    title: 'There is no such topic',
    advice: 'Create it first: forebay topic create. Topics are never created by posting.',
  },
  'method-not-allowed': {
    status: 405,
    title: 'This address does not take that method',
    advice: 'See the Allow header.',
  },
  conflict: {
    status: 409,
    title: 'The change contradicts what is there',
    advice: 'Read the present state and decide again.',
  },
  'precondition-failed': {
    status: 412,
    title: 'It was changed by somebody else meanwhile',
    advice: 'Read it again and repeat the change with the new ETag.',
  },
  'precondition-required': {
    status: 428,
    title: 'If-Match is missing',
    advice: 'Send If-Match with the ETag you read, or * to overwrite.',
  },
  'invalid-document': { status: 422, title: 'The document is not valid', advice: 'Fix what detail names.' },
  'not-supported-yet': {
    status: 422,
    title: 'Known, but not supported yet',
    advice: 'Leave it out for now.',
  },
  'buffer-full': {
    status: 429,
    title: 'The buffer is full: nothing was accepted',
    advice: 'Retry after Retry-After, with back-off and jitter.',
  },
  'quota-exceeded': { status: 429, title: 'The topic is over its quota', advice: 'Retry after Retry-After.' },
  'too-many-proxies': {
    status: 429,
    title: 'There are more proxies than the control plane is willing to remember',
    advice: 'Let fewer proxies run, or give them names that outlive a restart (--id).',
  },
  'headers-too-large': {
    status: 431,
    title: 'The headers are too large',
    advice: 'Send fewer or smaller headers.',
  },
  draining: {
    status: 503,
    title: 'This process is going down',
    advice: 'Retry at once on another connection.',
  },
  'no-placement': {
    status: 503,
    title: 'Nothing is placed yet',
    advice: 'Retry after Retry-After; the operators see it on /readyz.',
  },
  'ack-timeout': {
    status: 503,
    title: 'The brokers did not acknowledge all events in time',
    advice: 'Retry the events; unknown ones may become duplicates.',
  },
  'cluster-unavailable': {
    status: 503,
    title: 'A Kafka cluster does not answer',
    advice: 'Retry later; see GET /v1/clusters.',
  },
  'not-leading': {
    status: 503,
    title: 'This replica of the control plane does not lead',
    advice: 'Ask the replica that `leader` names, or retry after Retry-After.',
  },
  'store-unavailable': {
    status: 503,
    title: 'The store of the control plane does not answer: nothing can be changed now',
    advice: 'Retry after Retry-After. What is placed stays as it is, and reads are answered.',
  },
  internal: {
    status: 500,
    title: 'A fault of ours',
    advice: 'Retry once; if it stays, report the Forebay-Request-Id.',
  },
} as const satisfies Record<string, ProblemKind>

export type ProblemName = keyof typeof problems

export interface ProblemBody {
  readonly type: string
  readonly title: string
  readonly status: number
  readonly detail: string
  readonly [extension: string]: unknown
}

export interface ProblemOptions {
  /** Whole seconds for Retry-After. */
  readonly retryAfterSeconds?: number
  /** Further members of the body (RFC 9457 §3.2), e.g. `rejected`. */
  readonly extensions?: Readonly<Record<string, unknown>>
  readonly cause?: unknown
}

/** An error that knows its answer. Thrown anywhere below an endpoint; turned into `application/problem+json` in one place. */
export class Problem extends Error {
  readonly problem: ProblemName
  readonly status: number
  readonly retryAfterSeconds: number | undefined
  readonly extensions: Readonly<Record<string, unknown>>

  /** `detail` says what is wrong with this very request, and what to do. */
  constructor(problem: ProblemName, detail: string, options: ProblemOptions = {}) {
    super(detail, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'Problem'
    this.problem = problem
    this.status = problems[problem].status
    this.retryAfterSeconds = options.retryAfterSeconds
    this.extensions = options.extensions ?? {}
  }

  toBody(): ProblemBody {
    return {
      type: `urn:forebay:problem:${this.problem}`,
      title: problems[this.problem].title,
      status: this.status,
      detail: this.message,
      ...this.extensions,
    }
  }
}
