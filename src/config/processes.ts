import { bytes, duration, integer, list, location, oneOf, secret, text, urls } from './setting.ts'

/** The one schema of the configuration: a table per process. Key names carry the unit of the parsed value. */

const common = {
  host: text('127.0.0.1', 'address to listen on'),
  logLevel: oneOf(
    ['trace', 'debug', 'info', 'warn', 'error', 'fatal'],
    'info',
    'least severe log line to write',
  ),
  drainTimeoutMs: duration('30s', 'longest time from SIGTERM to the exit'),
}

const follower = {
  control: urls('http://127.0.0.1:8081', 'replicas of the control plane: when one fails the next is asked'),
  dataDir: text('.forebay-data', 'folder for the last placement and other state'),
}

const proxy = {
  ...common,
  ...follower,
  port: integer(8080, 'port to listen on', { max: 65535 }),
  token: secret('bearer token for the control plane'),
  id: text('', 'name of this proxy in its reports; empty: host, port and some random letters'),
  workers: integer(1, 'processes on the one port, each with its part of the buffer', { min: 1, max: 64 }),
  drainGraceMs: duration('5s', 'how long requests are still served after SIGTERM'),
  maxBufferBytes: bytes('256MiB', 'memory for events from accept to outcome', { min: 2 ** 20 }),
  maxBufferRecords: integer(0, 'events from accept to outcome; 0 = one per 64 bytes of buffer', { min: 0 }),
  maxBodyBytes: bytes('32MiB', 'largest request body, raw and inflated', { min: 1024 }),
  maxDepth: integer(64, 'deepest nesting of a JSON event', { min: 1, max: 1024 }),
  batchBytes: bytes('256KiB', 'a batch is sent when it has grown to this', { min: 1024, max: 2 ** 24 }),
  lingerMs: duration('5ms', 'longest wait to fill a batch', { max: 60_000 }),
  requestTimeoutMs: duration('1s', 'a produce request (acks=1) unanswered for this long is ambiguous', {
    min: 50,
  }),
  requestTimeoutAllMs: duration('10s', 'the same for acks=all, which waits for followers', { min: 50 }),
  durableTimeoutMs: duration('15s', 'when a durable request is answered without all acks', { min: 50 }),
  deliveryTimeoutMs: duration('10m', 'then an undelivered event is dropped as expired', { min: 100 }),
  bodyTimeoutMs: duration('30s', 'longest time for a request body', { min: 100 }),
  headersTimeoutMs: duration('10s', 'longest time for the request headers', { min: 100 }),
}

const control = {
  ...common,
  port: integer(8081, 'port to listen on', { max: 65535 }),
  store: location('.forebay-data/control.sqlite', 'SQLite file, or postgres://… for several replicas'),
  advertise: text('', 'URL by which others reach this replica; empty: where it listens'),
  leaseMs: duration('3s', 'a leader silent for this long is replaced', { min: 500, max: 60_000 }),
  scaleUpHook: text('', 'wakes a standby before it takes over: a URL to POST to, or a command'),
  scaleDownHook: text('', 'called when a standby is empty again: a URL to POST to, or a command'),
  hookTimeoutMs: duration('60s', 'longest time for a hook', { min: 100 }),
  token: secret('bearer token for all calls; needed to listen on anything but loopback'),
  failover: oneOf(['auto', 'off'], 'auto', 'off: clusters are watched, and only people move topics'),
  holdDownMs: duration('15m', 'no automatic move or failback for so long after a move'),
  moveIntervalMs: duration('1h', 'at most one automatic move of a cluster in this time'),
  failbackAfterMs: duration('5m', 'a cluster must have been well for so long before its topics come back', {
    min: 10_000,
    max: 86_400_000,
  }),
  fastRefusedMs: duration('2s', 'act when nothing gets through and every broker refuses for so long', {
    min: 1000,
    max: 10_000,
  }),
  fastSilentMs: duration('3s', 'act when nothing gets through and no broker answers for so long', {
    min: 1000,
    max: 10_000,
  }),
  proxyLeaseMs: duration('10s', 'a proxy that has not reported for so long is not waited for', {
    min: 2000,
    max: 600_000,
  }),
}

const router = {
  ...common,
  ...follower,
  port: integer(8082, 'port for health and metrics', { max: 65535 }),
  token: secret('bearer token for all calls; needed to listen on anything but loopback'),
  routes: list([], 'carry only the routes with these ids'),
  commitIntervalMs: duration('1s', 'how often offsets are committed', { min: 10 }),
  fetchMaxBytes: bytes('4MiB', 'most bytes of one fetch answer for one partition', { min: 1024 }),
  sessionTimeoutMs: duration('45s', 'a router silent for this long loses its partitions', { min: 1000 }),
}

/** What the `forebay` command itself needs to know; empty = look for a local stack, then the default ports. */
const cli = {
  control: text('', 'URL of the control plane'),
  proxy: text('', 'URL of the proxy'),
  token: secret('bearer token for the control plane and the proxy'),
}

export const processSettings = { proxy, control, router, cli }

export type ProcessName = keyof typeof processSettings

export const processDocs: Readonly<Record<ProcessName, { summary: string; examples: readonly string[] }>> = {
  proxy: {
    summary: 'Takes events over HTTP and writes them to the fronting Kafka clusters.',
    examples: [
      'forebay proxy --control http://127.0.0.1:8081 --data-dir /var/lib/forebay',
      'forebay proxy --port 9080 --max-buffer 1GiB --linger 10ms',
      'forebay proxy --control http://control-1:8081,http://control-2:8081',
    ],
  },
  control: {
    summary:
      'Knows which topic lives on which cluster, makes the Kafka topics, and tells proxies and routers.',
    examples: [
      'forebay control --store /var/lib/forebay/control.sqlite',
      'FOREBAY_TOKEN=… forebay control --host 0.0.0.0',
    ],
  },
  router: {
    summary: 'Carries every topic from the fronting clusters to its sinks, one job per (topic, sink).',
    examples: [
      'forebay router --control http://127.0.0.1:8081 --data-dir /var/lib/forebay',
      'forebay router --routes sample.events.file',
    ],
  },
  cli: {
    summary: 'Looks at a running Forebay and changes it.',
    examples: ['FOREBAY_CONTROL=http://127.0.0.1:8081 forebay topic list'],
  },
}
