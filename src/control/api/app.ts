import { randomUUID } from 'node:crypto'
import { Ajv2020 } from 'ajv/dist/2020.js'
import fastify, { type FastifyInstance, LogController } from 'fastify'
import type { Registry } from 'prom-client'
import type { Clock } from '../../core/clock.ts'
import { addPacketLane } from '../../http/packet-lane.ts'
import { addTelemetryEndpoints } from '../../telemetry/endpoints.ts'
import type { Health } from '../../telemetry/health.ts'
import type { Logger } from '../../telemetry/logger.ts'
import type { ControlService } from '../apply/control-service.ts'
import type { Freezes } from '../drive/freezes.ts'
import type { ClusterHealth } from '../drive/health-board.ts'
import type { ProxyRegister } from '../followers/proxy-register.ts'
import type { LeaseKeeper } from '../leadership/lease-keeper.ts'
import type { ClusterAdmins } from '../provision/clusters.ts'
import type { ControlStore } from '../store/control-store.ts'
import type { StateFeed } from '../store/state-feed.ts'
import { addAccessControl } from './access.ts'
import { apply } from './apply.ts'
import { clusters } from './clusters.ts'
import { addErrorHandling } from './errors.ts'
import { events } from './events.ts'
import { failbacks } from './failbacks.ts'
import { failovers } from './failovers.ts'
import { addForwarding } from './forwarding.ts'
import { freeze } from './freeze.ts'
import { addHttpMetrics } from './http-metrics.ts'
import type { MoveOptions } from './moves.ts'
import { namespaces } from './namespaces.ts'
import { addOpenApi } from './openapi.ts'
import { operations } from './operations.ts'
import { answerPacketReports } from './packet-reports.ts'
import { placements } from './placements.ts'
import { proxies } from './proxies.ts'
import { reports } from './reports.ts'
import { routes } from './routes.ts'
import { topics } from './topics.ts'

export interface AppOptions extends MoveOptions {
  readonly freezes: Freezes
  /** `undefined`: it is not watched, or this replica does not lead. */
  readonly healthOf: (cluster: string) => ClusterHealth | undefined
  readonly register: ProxyRegister
  readonly clock: Clock
  readonly store: ControlStore
  readonly service: ControlService
  readonly keeper: LeaseKeeper
  readonly admins: ClusterAdmins
  readonly feed: StateFeed
  readonly registry: Registry
  readonly health: Health
  readonly logger: Logger
  /** '' = none is asked for, and only loopback requests are taken. */
  readonly token: string
  /** From then on each answer ends its connection. */
  readonly isDraining: () => boolean
}

const endpoints = [
  ...[namespaces, topics, clusters, routes, placements, events, apply, proxies, reports],
  ...[failovers, failbacks, operations, freeze],
]

/** An apply of a thousand topics is about half a MiB. */
const bodyLimitBytes = 16 * 2 ** 20
const keepAliveMs = 75_000

/** The HTTP side of the control plane. The caller listens and closes. */
export function buildApp(options: AppOptions): FastifyInstance {
  const app = fastify({
    loggerInstance: options.logger,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: bodyLimitBytes,
    requestTimeout: 30_000,
    keepAliveTimeout: keepAliveMs,
    forceCloseConnections: 'idle',
    return503OnClosing: false,
    genReqId: () => randomUUID(),
    routerOptions: { maxParamLength: 300 },
  }) as unknown as FastifyInstance
  app.removeContentTypeParser('text/plain')
  checkParameters(app)
  app.addHook('onRequest', async (request, reply) => {
    reply.header('forebay-request-id', request.id)
  })
  app.addHook('onSend', async (_request, reply) => {
    if (options.isDraining()) reply.header('connection', 'close')
  })
  const note = addHttpMetrics(app, options.registry)
  addPacketLane(app.server, {
    answer: answerPacketReports({ ...options, note, keepAliveMs }),
    firstMs: keepAliveMs,
    idleMs: keepAliveMs,
    onSilent: (socket) => socket.destroy(),
  })
  addErrorHandling(app)
  addAccessControl(app, options.token)
  addForwarding(app, {
    isLeading: () => options.keeper.term !== undefined,
    leaderAddress: () => leaderOf(options),
    refresh: () => options.feed.refresh(),
  })
  addOpenApi(app)
  addTelemetryEndpoints(app, options)
  for (const add of endpoints) {
    app.register((scope, _options, done) => {
      add(scope, options)
      done()
    })
  }
  return app
}

/** '' when the last leader was this process itself: there is nobody to pass anything on to. */
function leaderOf({ feed, keeper }: AppOptions): string {
  const { holder, address } = feed.position.leadership
  return holder === keeper.holder ? '' : address
}

/**
 * Parameters are checked by their schemas, with numbers read from text. Bodies are not checked here: documents/check.ts does it with
 * the same schemas and says what was meant. Answers are plain JSON, so that no schema drops a member.
 */
function checkParameters(app: FastifyInstance): void {
  const ajv = new Ajv2020({ coerceTypes: true, useDefaults: true, strict: false })
  app.setValidatorCompiler(({ schema, httpPart }) => {
    if (httpPart === 'body') return () => true
    return ajv.compile(schema as object)
  })
  app.setSerializerCompiler(() => (data) => JSON.stringify(data))
}
