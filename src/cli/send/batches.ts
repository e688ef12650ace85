import { setTimeout as sleep } from 'node:timers/promises'

/** The body of one request. */
export interface RequestBody {
  readonly bytes: Buffer
  readonly events: number
  readonly contentType: string
}

export interface BatchLimits {
  readonly maxEvents: number
  readonly maxBytes: number
}

const ndjson = 'application/x-ndjson'
const newline = Buffer.from('\n')

/** Events typed as arguments: one request each when they hold a line break or are `opaque`, else NDJSON. */
export function* bodiesOfArguments(
  events: readonly string[],
  limits: BatchLimits,
  opaque: string | undefined,
): Generator<RequestBody> {
  const lines = events.map((event) => Buffer.from(event))
  const single =
    opaque ??
    (lines.length === 1 || events.some((event) => event.includes('\n')) ? 'application/json' : undefined)
  if (single === undefined) yield* packed(lines, limits)
  else for (const bytes of lines) yield { bytes, events: 1, contentType: single }
}

/**
 * Lines of NDJSON, as they are, blank ones left out. `live`: what has been read goes out at once instead of waiting for a full batch.
 */
export async function* bodiesOfLines(
  source: AsyncIterable<Buffer | string>,
  limits: BatchLimits,
  live: boolean,
): AsyncGenerator<RequestBody> {
  let open: Buffer[] = []
  for await (const lines of linesOf(source)) {
    open.push(...lines)
    const ready = live ? open.length : wholeBatches(open, limits)
    yield* packed(open.slice(0, ready), limits)
    open = open.slice(ready)
  }
  yield* packed(open, limits)
}

/** Whole lines of each chunk, without the line break; the last one needs none. */
async function* linesOf(source: AsyncIterable<Buffer | string>): AsyncGenerator<Buffer[]> {
  let rest: Buffer[] = []
  for await (const piece of source) {
    const chunk = typeof piece === 'string' ? Buffer.from(piece) : piece
    const lines: Buffer[] = []
    let start = 0
    for (let end = chunk.indexOf(10); end !== -1; end = chunk.indexOf(10, start)) {
      rest.push(chunk.subarray(start, end))
      lines.push(Buffer.concat(rest))
      rest = []
      start = end + 1
    }
    if (start < chunk.length) rest.push(chunk.subarray(start))
    yield lines.filter((line) => !isBlank(line))
  }
  const last = Buffer.concat(rest)
  if (!isBlank(last)) yield [last]
}

function isBlank(line: Buffer): boolean {
  return line.every((byte) => byte === 32 || byte === 9 || byte === 13)
}

/** How many of the lines are in batches that are full already. */
function wholeBatches(lines: readonly Buffer[], { maxEvents, maxBytes }: BatchLimits): number {
  const bytes = lines.reduce((sum, line) => sum + line.length + 1, 0)
  if (bytes >= maxBytes) return lines.length
  return lines.length - (lines.length % maxEvents)
}

function* packed(lines: readonly Buffer[], { maxEvents, maxBytes }: BatchLimits): Generator<RequestBody> {
  let parts: Buffer[] = []
  let bytes = 0
  const close = (): RequestBody => {
    const body = { bytes: Buffer.concat(parts), events: parts.length / 2, contentType: ndjson }
    parts = []
    bytes = 0
    return body
  }
  for (const line of lines) {
    if (parts.length > 0 && (parts.length / 2 >= maxEvents || bytes + line.length + 1 > maxBytes))
      yield close()
    parts.push(line, newline)
    bytes += line.length + 1
  }
  if (parts.length > 0) yield close()
}

export interface Generation {
  readonly count: number
  /** Events per second; `undefined` = as fast as the proxy takes them. */
  readonly ratePerSecond: number | undefined
  readonly eventBytes: number
  readonly batchEvents: number
  /** Begins the `id` of every event: tells one run from the next. */
  readonly runId: string
}

/** Made-up JSON events of exactly `eventBytes` bytes (more, when the id alone is longer), paced by the clock. */
export async function* generatedBodies(
  { count, ratePerSecond, eventBytes, batchEvents, runId }: Generation,
  signal: AbortSignal,
): AsyncGenerator<RequestBody> {
  const startMs = performance.now()
  // With a rate, a batch is at most a tenth of a second of it: a slow rate still flows evenly.
  const perBatch =
    ratePerSecond === undefined
      ? batchEvents
      : Math.max(1, Math.min(batchEvents, Math.floor(ratePerSecond / 10)))
  for (let made = 0; made < count && !signal.aborted; made += perBatch) {
    if (ratePerSecond !== undefined) {
      const waitMs = startMs + (made * 1000) / ratePerSecond - performance.now()
      if (waitMs > 0) await sleep(waitMs, undefined, { signal }).catch(() => undefined)
    }
    const events = Math.min(perBatch, count - made)
    const lines = Array.from({ length: events }, (_, index) =>
      generatedEvent(runId, made + index, eventBytes),
    )
    yield { bytes: Buffer.from(`${lines.join('\n')}\n`), events, contentType: ndjson }
  }
}

/** `{"id":"run-7","at":"2026-…","pad":"xxx"}`; the `at` and `pad` are left out where there is no room for them. */
export function generatedEvent(runId: string, index: number, eventBytes: number): string {
  const id = `{"id":"${runId}-${index}"`
  const full = `${id},"at":"${new Date().toISOString()}"`
  const head = full.length + 10 <= eventBytes ? full : id
  const room = eventBytes - head.length - ',"pad":""}'.length
  return room < 0 ? `${head}}` : `${head},"pad":"${'x'.repeat(room)}"}`
}
