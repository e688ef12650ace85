import assert from 'node:assert/strict'
import type { AddressInfo } from 'node:net'
import { connect } from 'node:net'
import type { FastifyInstance } from 'fastify'
import { Registry } from 'prom-client'
import { systemClock } from '../../../src/core/clock.ts'
import { imbalance, Ledger } from '../../../src/core/outcome.ts'
import type { PlacementDocument, TopicPlacement } from '../../../src/core/placement.ts'
import type { StagedEvents } from '../../../src/core/record.ts'
import type { AckTally, EventRoom } from '../../../src/proxy/event-room.ts'
import { type AppLimits, createApp } from '../../../src/proxy/http/app.ts'
import { Gate } from '../../../src/proxy/http/gate.ts'
import { registerProxyMetrics } from '../../../src/proxy/http/metrics.ts'
import { Traffic } from '../../../src/proxy/http/traffic.ts'
import { Pipeline, type PipelineSettings } from '../../../src/proxy/pipeline.ts'
import { TopicTable } from '../../../src/proxy/topic-table.ts'
import { Health } from '../../../src/telemetry/health.ts'
import { createLogger } from '../../../src/telemetry/logger.ts'
import type { AnswerBody } from '../../support/answer-body.ts'

/** A tally that the test moves. */
export class TestTally implements AckTally {
  delivered = 0
  failed = 0
  refused = 0
  readonly total: number
  readonly #settled = Promise.withResolvers<void>()
  readonly settled = this.#settled.promise

  constructor(total: number) {
    this.total = total
  }

  get unknown(): number {
    return this.total - this.delivered - this.failed
  }

  settle(): void {
    this.#settled.resolve()
  }
}

export interface Taken {
  readonly topic: string
  readonly events: readonly Buffer[]
  readonly key: string | undefined
  readonly headers: Readonly<Record<string, string>>
}

/** Our own interface, in memory: keeps what it is offered, with a limit in bytes for what is reserved. */
export class MemoryRoom implements EventRoom {
  readonly taken: Taken[] = []
  readonly ledger: Ledger
  limitBytes = 64 * 2 ** 20
  usedBytes = 0
  /** The next offers find no room. */
  full = false
  peakBytes = 0
  /** What becomes of durable events; acknowledged at once by default. */
  onDurable: (tally: TestTally) => void = (tally) => {
    tally.delivered = tally.total
    tally.settle()
  }

  constructor(ledger: Ledger) {
    this.ledger = ledger
  }

  tryReserve(_placement: TopicPlacement, bytes: number): 'ok' | 'full' | 'too-large' {
    if (bytes > this.limitBytes) return 'too-large'
    if (this.usedBytes + bytes > this.limitBytes) return 'full'
    this.usedBytes += bytes
    this.peakBytes = Math.max(this.peakBytes, this.usedBytes)
    return 'ok'
  }

  release(_placement: TopicPlacement, bytes: number): void {
    this.usedBytes -= bytes
  }

  offer(placement: TopicPlacement, events: StagedEvents): 'ok' | 'full' {
    if (this.full) return 'full'
    const copies: Buffer[] = []
    for (let at = 0; at < events.count; at += 1) {
      copies.push(Buffer.from(events.body.subarray(events.bounds[2 * at], events.bounds[2 * at + 1])))
    }
    const headers = Object.fromEntries(events.headers.map(({ name, value }) => [String(name), String(value)]))
    this.taken.push({ topic: placement.topic, events: copies, key: events.key?.toString(), headers })
    this.ledger.accept(this.ledger.topic(placement.topic), events.count)
    return 'ok'
  }

  offerDurable(placement: TopicPlacement, events: StagedEvents): AckTally | 'full' {
    if (this.offer(placement, events) === 'full') return 'full'
    const tally = new TestTally(events.count)
    this.onDurable(tally)
    return tally
  }

  withdraw(_placement: TopicPlacement, tally: AckTally): void {
    assert.ok(tally instanceof TestTally)
    tally.failed += tally.unknown
  }

  retryAfterSeconds(): number {
    return 2
  }
}

export interface TestProxy {
  readonly app: FastifyInstance
  readonly port: number
  readonly url: string
  readonly room: MemoryRoom
  readonly ledger: Ledger
  readonly gate: Gate
  readonly pipeline: Pipeline
  readonly topics: TopicTable
  readonly traffic: Traffic
  close(): Promise<void>
}

export function documentOf(...placements: TopicPlacement[]): PlacementDocument {
  return { storeId: 's', leaseTerm: 1, version: 7, clusters: [], placements, routes: [] }
}

/** The whole HTTP side on a port of its own, with `MemoryRoom` where the buffer would be. */
export async function startTestProxy(
  placements: readonly TopicPlacement[] | undefined,
  settings: Partial<PipelineSettings & AppLimits> = {},
): Promise<TestProxy> {
  const all = {
    maxBodyBytes: 2 ** 20,
    bodyTimeoutMs: 5000,
    maxDepth: 64,
    durableTimeoutMs: 100,
    headersTimeoutMs: 5000,
    maxConnections: 1000,
    ...settings,
  }
  const ledger = new Ledger()
  const room = new MemoryRoom(ledger)
  const topics = new TopicTable()
  if (placements !== undefined) topics.use(documentOf(...placements))
  const gate = new Gate()
  const traffic = new Traffic()
  const registry = new Registry()
  registerProxyMetrics(registry, {
    ledger,
    traffic,
    placementVersion: () => 7,
  })
  const pipeline = new Pipeline({ topics, room, ledger, clock: systemClock, settings: all })
  const logger = createLogger('proxy', 'fatal')
  const app = createApp({ pipeline, gate, traffic, registry, health: new Health(), logger, limits: all })
  await app.listen({ host: '127.0.0.1', port: 0 })
  const { port } = app.server.address() as AddressInfo
  return {
    app,
    port,
    url: `http://127.0.0.1:${port}`,
    room,
    ledger,
    gate,
    pipeline,
    topics,
    traffic,
    async close() {
      app.server.closeAllConnections()
      await app.close()
      for (const [topic, counts] of ledger.topics) assert.equal(imbalance(counts), 0, `ledger of ${topic}`)
    },
  }
}

export interface TestAnswer {
  readonly status: number
  readonly headers: Headers
  readonly body: AnswerBody
}

export async function post(
  proxy: TestProxy,
  path: string,
  body: string | Buffer | ReadableStream,
  headers: Record<string, string> = {},
): Promise<TestAnswer> {
  const payload = typeof body === 'string' ? Buffer.from(body) : body
  const response = await fetch(`${proxy.url}${path}`, {
    method: 'POST',
    headers,
    body: payload,
    ...(payload instanceof ReadableStream ? { duplex: 'half' } : {}),
  } as RequestInit)
  const answer = {
    status: response.status,
    headers: response.headers,
    body: (await response.json()) as AnswerBody,
  }
  assert.match(answer.headers.get('forebay-request-id') ?? '', /^[0-9a-f]{12}-[0-9a-z]+$/)
  return answer
}

/** Writes bytes to the port and gives everything that came back until the server closed, or until `until` is in it. */
export async function raw(
  port: number,
  parts: readonly (string | Buffer)[],
  until?: string,
): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  const { promise, resolve } = Promise.withResolvers<void>()
  let got = ''
  socket.on('data', (chunk) => {
    got += chunk.toString('latin1')
    if (until !== undefined && got.includes(until)) socket.destroy()
  })
  // A reset after the answer shows in what was got.
  socket.on('error', () => resolve())
  socket.on('close', () => resolve())
  for (const part of parts) {
    socket.write(part)
    await new Promise((done) => setImmediate(done))
  }
  await promise
  return got
}
