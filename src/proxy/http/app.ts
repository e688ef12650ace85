import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { type FastifyInstance, type FastifyReply, type FastifyRequest, fastify } from 'fastify'
import { Problem } from '../../core/problems.ts'
import { addPacketLane } from '../../http/packet-lane.ts'
import { addTelemetryEndpoints, type MetricsSource, type ReadinessSource } from '../../telemetry/endpoints.ts'
import type { Logger } from '../../telemetry/logger.ts'
import type { Pipeline } from '../pipeline.ts'
import { type Exchange, problemAnswer, problemType, rawProblem, sendAnswer } from './answer.ts'
import { requireSingleHeaders } from './duplicate-headers.ts'
import { nativeFamily, plainTopic, takeEvents } from './events-endpoint.ts'
import type { Gate } from './gate.ts'
import { openApiDocument } from './openapi.ts'
import { answerPacketPosts } from './packet-posts.ts'
import { internalProblem, refusalOf } from './refusals.ts'
import { nextRequestId } from './request-id.ts'
import type { Traffic } from './traffic.ts'

export interface AppParts {
  readonly pipeline: Pipeline
  readonly gate: Gate
  readonly traffic: Traffic
  readonly registry: MetricsSource
  readonly health: ReadinessSource
  readonly logger: Logger
  readonly limits: AppLimits
}

export interface AppLimits {
  readonly headersTimeoutMs: number
  readonly bodyTimeoutMs: number
  readonly maxBodyBytes: number
  /** More connections than this are closed as they come; leaves descriptors for Kafka and the disk. */
  readonly maxConnections: number
}

const maxHeaderBytes = 16 * 1024
/** Idle connections are kept this long: longer than the usual 60 s of load balancers, so that they close first. */
const keepAliveMs = 65_000

/**
 * The HTTP side of the proxy. POSTs of events that come in one packet are answered before they are requests of Node's, the others are
 * taken over before fastify would look at the body; everything else is small and goes through fastify as usual. Not listening yet.
 */
export function createApp(parts: AppParts): FastifyInstance {
  const { gate, traffic, logger, limits } = parts
  const app = fastify({
    genReqId: nextRequestId,
    routerOptions: { maxParamLength: 1024 },
    exposeHeadRoutes: true,
    return503OnClosing: false,
    forceCloseConnections: 'idle',
    keepAliveTimeout: keepAliveMs,
    requestTimeout: limits.headersTimeoutMs + limits.bodyTimeoutMs + 5000,
    http: {
      maxHeaderSize: maxHeaderBytes,
      headersTimeout: limits.headersTimeoutMs,
      requireHostHeader: false,
      connectionsCheckingInterval: Math.min(1000, Math.ceil(limits.headersTimeoutMs / 4)),
      noDelay: true,
    },
    clientErrorHandler: (error, socket) => answerClientError(error, socket, traffic),
  })
  app.server.maxConnections = limits.maxConnections
  addPacketLane(app.server, {
    answer: answerPacketPosts({ ...parts, keepAliveMs }),
    firstMs: limits.headersTimeoutMs,
    idleMs: keepAliveMs,
    onSilent: (socket) => answerClientError(tooSlow, socket, traffic),
  })
  // 0 = all of them, within maxHeaderSize: a limit would hide the second Host.
  app.server.maxHeadersCount = 0
  app.removeAllContentTypeParsers()
  app.addHook('onRequest', (request, reply, done) => {
    try {
      admit(request.raw, gate)
      if (request.is404) throw new Problem('not-found', `There is nothing at ${request.url.slice(0, 200)}.`)
    } catch (error) {
      refuse(takeOver(request, reply, gate), error, parts)
      return
    }
    reply.header('forebay-request-id', request.id)
    if (gate.state !== 'open') reply.header('connection', 'close')
    done()
  })
  app.setErrorHandler<Error>((error, request, reply) => {
    const problem = error instanceof Problem ? error : internalProblem(error, request.id, logger)
    return reply.code(problem.status).type(problemType).send(JSON.stringify(problem.toBody()))
  })
  addEventsEndpoint(app, parts)
  takePostsDirectly(app, parts)
  addTelemetryEndpoints(app, parts)
  const description = JSON.stringify(openApiDocument(limits))
  app.get('/openapi.json', (_request, reply) => reply.type('application/json').send(description))
  return app
}

function addEventsEndpoint(app: FastifyInstance, parts: AppParts): void {
  const url = '/v1/topics/:topic/events'
  const { gate } = parts
  const handler = (): undefined => undefined
  const onPost = (request: FastifyRequest, reply: FastifyReply): void => {
    const exchange = takeOver(request, reply, gate)
    const { topic } = request.params as { topic: string }
    takeEvents(exchange, topic, parts).catch((error: unknown) => refuse(exchange, error, parts))
  }
  const onOther = (request: FastifyRequest, reply: FastifyReply): void => {
    const problem = new Problem('method-not-allowed', `${request.method} is not for events; POST them.`)
    refuse(takeOver(request, reply, gate), problem, parts, { Allow: 'POST' })
  }
  app.post(url, { onRequest: onPost, handler })
  app.route({
    method: ['GET', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'],
    url,
    onRequest: onOther,
    handler,
  })
}

/**
 * Posts of events to a plainly written topic go by fastify: its routing and its objects for each request were a fifth of what a request
 * with one event cost. Every other way to write the path, and everything else, goes through it.
 */
function takePostsDirectly(app: FastifyInstance, parts: AppParts): void {
  const { gate } = parts
  const routed = app.server.listeners('request') as ((...of: [IncomingMessage, ServerResponse]) => void)[]
  app.server.removeAllListeners('request')
  app.server.on('request', (request, response) => {
    const topic = request.method === 'POST' ? plainTopic(request.url ?? '') : undefined
    if (topic === undefined) {
      for (const route of routed) route(request, response)
      return
    }
    const exchange = newExchange(request, response, nextRequestId(), gate)
    try {
      admit(request, gate)
    } catch (error) {
      refuse(exchange, error, parts)
      return
    }
    takeEvents(exchange, topic, parts).catch((error: unknown) => refuse(exchange, error, parts))
  })
}

/** From here on fastify leaves the request alone. */
function takeOver(request: FastifyRequest, reply: FastifyReply, gate: Gate): Exchange {
  reply.hijack()
  return newExchange(request.raw, reply.raw, request.id, gate)
}

function newExchange(
  request: IncomingMessage,
  response: ServerResponse,
  requestId: string,
  gate: Gate,
): Exchange {
  return { request, response, requestId, closing: gate.state !== 'open', startedMs: performance.now() }
}

/** Throws what every request is refused for, whatever it asks. Health and metrics are answered to the end. */
function admit(request: IncomingMessage, gate: Gate): void {
  requireSingleHeaders(request)
  if (gate.state === 'shut' && request.method === 'POST') {
    throw new Problem('draining', 'This proxy is going down.', { retryAfterSeconds: 1 })
  }
}

/** Answers a request that was refused before its events were found, and counts it. */
function refuse(
  exchange: Exchange,
  error: unknown,
  parts: AppParts,
  headers: OutgoingHttpHeaders = {},
): void {
  const { traffic } = parts
  if (error instanceof Error && error.name === 'BodyAborted') {
    traffic.refuse('aborted', 0)
    return
  }
  const { request, requestId, startedMs } = exchange
  const bytes = Number(request.headers['content-length'] ?? 0)
  const answer = problemAnswer(refusalOf(error, { requestId, bytes }, parts))
  sendAnswer(exchange, answer, headers)
  traffic.observe(nativeFamily, answer.status, (performance.now() - startedMs) / 1000)
}

const tooSlow = Object.assign(new Error('nothing came in time'), { code: 'ERR_HTTP_REQUEST_TIMEOUT' })

/** What Node's parser refuses: there is no request to answer, so the bytes are written by hand. */
function answerClientError(error: Error & { code?: string }, socket: Socket, traffic: Traffic): void {
  const problem = clientProblem(error.code, error.message)
  if (problem !== undefined) traffic.refuse(problem.problem, 0)
  // Node's own handler asks the same: half an answer may be on its way already.
  const { _httpMessage: underWay } = socket as Socket & { _httpMessage?: { headersSent: boolean } | null }
  if (problem === undefined || !socket.writable || underWay?.headersSent === true) socket.destroy()
  else socket.end(rawProblem(problem), () => socket.destroy())
}

/** `undefined` when nobody is there to read an answer. */
function clientProblem(code: string | undefined, message: string): Problem | undefined {
  if (code === 'ECONNRESET' || code === 'EPIPE') return undefined
  if (code === 'HPE_HEADER_OVERFLOW') {
    return new Problem('headers-too-large', `The headers are larger than ${maxHeaderBytes} bytes.`)
  }
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return new Problem('body-timeout', 'The request came too slowly.')
  return new Problem('malformed-request', `This is not an HTTP request: ${message}.`)
}
