import { randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { UsageError } from '../../src/cli/failure.ts'
import { grouped } from '../../src/cli/output.ts'
import { type BenchReport, benchMarkdown } from '../report/bench-report.ts'
import { commitName, machineFacts } from '../report/machine.ts'
import { routedPartitions, startCarriers } from './carriers.ts'
import { startContenders } from './contenders.ts'
import { BenchForebay } from './forebay.ts'
import { type BenchKafka, benchKafka, freePorts } from './kafka.ts'
import { type BenchOptions, benchOptions, benchUsage } from './options.ts'
import { type Pinning, pinCores } from './pinning.ts'
import { type ProxyResult, proxyRounds } from './proxy-rounds.ts'
import { type RouterResult, routerRounds } from './router-rounds.ts'
import { deleteTopics } from './topics.ts'

interface Bench {
  readonly options: BenchOptions
  readonly kafka: BenchKafka
  readonly forebay: BenchForebay
  readonly pinning: Pinning
  /** Begins the name of every topic of this run. */
  readonly prefix: string
}

const startMs = performance.now()
const say = (line: string) =>
  console.error(`[${((performance.now() - startMs) / 1000).toFixed(1).padStart(6)} s] ${line}`)

async function bench(options: BenchOptions): Promise<BenchReport> {
  const pinning = pinCores()
  say(pinning.description)
  const kafka = await benchKafka(options, say)
  try {
    const forebay = await BenchForebay.start(kafka, pinning.serverPrefix)
    try {
      return await measure({
        options,
        kafka,
        forebay,
        pinning,
        prefix: `bench.r${randomBytes(4).toString('hex')}`,
      })
    } finally {
      await forebay.stop()
    }
  } finally {
    await kafka.stop()
  }
}

async function measure(run: Bench): Promise<BenchReport> {
  const { options, kafka, pinning, prefix } = run
  try {
    const proxy = options.parts.includes('proxy') ? await measureProxy(run) : []
    const router = options.parts.includes('router') ? await measureRouter(run) : []
    return {
      command: options.command,
      at: new Date().toISOString(),
      commit: commitName(),
      machine: machineFacts(),
      pinning: pinning.description,
      load: loadText(options),
      proxy,
      router,
    }
  } finally {
    // On clusters that are not ours, nothing is left behind.
    const own = ['-forebay', '-kafkajs', '-platformatic', '-route', '-route-kafkajs'].map(
      (end) => prefix + end,
    )
    if (options.fronting !== undefined) {
      await Promise.all([deleteTopics(kafka.fronting, own), deleteTopics(kafka.consumer, own)])
    }
  }
}

async function measureProxy({ options, kafka, forebay, pinning, prefix }: Bench): Promise<ProxyResult[]> {
  const replicas = Math.min(2, kafka.fronting.length)
  const { serverPrefix } = pinning
  const contenders = await startContenders(forebay, kafka, { prefix, serverPrefix, replicas })
  try {
    return await proxyRounds(contenders, kafka, options, say)
  } finally {
    await Promise.all(contenders.map(({ server }) => server.stop()))
  }
}

async function measureRouter({ options, kafka, forebay, pinning, prefix }: Bench): Promise<RouterResult[]> {
  const topic = `${prefix}-route`
  const [port = 0] = await freePorts(1)
  await forebay.apply([
    { kind: 'Topic', name: topic, owner: 'bench', delivery: 'fast', partitions: routedPartitions },
  ])
  const proxy = await forebay.run('proxy', port)
  const carriers = await startCarriers(forebay, kafka, { topic, serverPrefix: pinning.serverPrefix })
  try {
    return await routerRounds(carriers, kafka, { topic, port, options }, say)
  } finally {
    await Promise.all([proxy.stop(), ...carriers.map(({ server }) => server.stop())])
  }
}

function loadText(options: BenchOptions): string {
  const { events, rounds, eventBytes, eventsPerBody, connections, ratePerSecond, brokers } = options
  const pace = ratePerSecond === undefined ? 'closed loop' : `${grouped(ratePerSecond)} events/s`
  const kafka =
    options.fronting === undefined ? `${brokers} fronting broker(s), 1 consumer broker` : 'given clusters'
  return `${grouped(events)} events of ${eventBytes} bytes for each, NDJSON × ${eventsPerBody}, ${connections} connections, ${pace}, ${rounds} rounds in turn, 6 partitions, acks=1, ${kafka}`
}

function writeReport(report: BenchReport, { jsonFile, write }: BenchOptions): boolean {
  const markdown = benchMarkdown(report)
  console.log(markdown)
  const json = `${JSON.stringify(report, undefined, 2)}\n`
  if (jsonFile !== undefined) writeFileSync(jsonFile, json)
  if (write) {
    const file = (name: string) => fileURLToPath(new URL(`../${name}`, import.meta.url))
    writeFileSync(file('RESULTS.md'), markdown)
    writeFileSync(file('RESULTS.json'), json)
  }
  return [...report.proxy, ...report.router].every(
    ({ check }) => check === undefined || (check.missing === 0 && check.duplicates === 0 && check.identical),
  )
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130))
try {
  const options = benchOptions(process.argv.slice(2))
  if (options === undefined) {
    console.log(benchUsage)
    process.exit(0)
  }
  process.exit(writeReport(await bench(options), options) ? 0 : 1)
} catch (error) {
  console.error(
    `bench: ${error instanceof UsageError ? `${error.message}\n\n${benchUsage}` : (error as Error).stack}`,
  )
  process.exit(error instanceof UsageError ? 2 : 1)
}
