import type { ConnectionsResult } from '../scenarios/connections.ts'
import type { ContenderResult, CostResult } from '../scenarios/cost.ts'
import type { LatencyResult, LatencyRow } from '../scenarios/latency.ts'
import type { RouterResult } from '../scenarios/router-rounds.ts'
import type { ScalingResult, TopicsResult } from '../scenarios/topics.ts'
import { isExact, type TopicCheck } from '../verify/check-topic.ts'
import { markdownTable, mebibytes, number, withSpread } from './format.ts'
import { generatorLimit, latencyLimit } from './generator-limits.ts'
import type { Quantiles } from './histogram.ts'
import { spread } from './statistics.ts'

const titles = { ndjson: 'NDJSON', array: 'JSON array', single: 'One event a request' } as const

export function costSection({ format, eventsPerSecond, contenders }: CostResult): string[] {
  const head = ['', 'µs CPU / event', 'events/s', 'server CPU %', 'generator CPU %']
  const more = ['p50 / p99 ms', 'peak RSS', 'refused', 'exact']
  const rate =
    eventsPerSecond === undefined
      ? 'saturated, each as fast as it answers'
      : `${number(eventsPerSecond, 0)} events/s offered to each`
  const limits = contenders.map((contender) => [contender.name, generatorLimit(contender)] as const)
  return [
    `## ${titles[format]}: ${rate}`,
    '',
    ...markdownTable([...head, ...more], contenders.map(costRow)),
    '',
    ...limitLines(limits),
  ]
}

function costRow(result: ContenderResult) {
  const { name, rounds, latency, peakRssBytes, check } = result
  const of = (pick: (round: ContenderResult['rounds'][number]) => number) => spread(rounds.map(pick))
  return [
    name,
    withSpread(
      of((round) => round.cpuMicrosPerEvent),
      2,
    ),
    withSpread(
      of((round) => round.eventsPerSecond),
      0,
    ),
    number(of((round) => round.serverCpuShare * 100).median, 0),
    number(of((round) => round.generatorCpuShare * 100).median, 0),
    latency === undefined ? '–' : `${milliseconds(latency.p50)} / ${milliseconds(latency.p99)}`,
    mebibytes(peakRssBytes),
    number(
      rounds.reduce((sum, round) => sum + round.refusedRequests + round.unansweredRequests, 0),
      0,
    ),
    exactCell(check),
  ]
}

function exactCell(check: TopicCheck | undefined): string {
  if (check === undefined) return '–'
  if (isExact(check)) return 'yes'
  const { lost, duplicates, neverSent, identical } = check
  const altered = lost + duplicates + neverSent === 0 && !identical ? ', bytes differ' : ''
  return `**no**: ${lost} lost, ${duplicates} twice, ${neverSent} never sent${altered}`
}

function limitLines(limits: readonly (readonly [string, string | undefined])[]): string[] {
  const lines = limits.filter(([, limit]) => limit !== undefined)
  if (lines.length === 0) return ['The generator was not the bottleneck.', '']
  return [...lines.map(([name, limit]) => `- The generator was the bottleneck for ${name}: ${limit}.`), '']
}

export function latencySection({ fast, floor, durable, ackP99s, lingerMs }: LatencyResult): string[] {
  const rows = [fast, floor, durable]
  const ack = withSpread(spread(ackP99s.map((micros) => micros / 1000)), 2)
  return [
    '## Latency from the intended start, at half of the maximum rate',
    '',
    ...markdownTable(
      [
        ...['', 'events/s', 'p50 ms', 'p99 ms', 'p99.9 ms', 'p99 by round', 'from the write: p50 / p99'],
        ...['generator late p99', 'refused', 'exact'],
      ],
      rows.map(latencyRow),
    ),
    '',
    `An acks=all request of the same size took ${ack} ms at p99 beside the durable load (another client); linger ${lingerMs} ms.`,
    '',
    ...limitLines(rows.map((row) => [row.name, latencyLimit(row)] as const)),
  ]
}

function latencyRow({
  name,
  eventsPerSecond,
  latency,
  p99s,
  serviceTime,
  lateness,
  refusedRequests,
  check,
}: LatencyRow) {
  return [
    name,
    number(eventsPerSecond, 0),
    ...(['p50', 'p99', 'p999'] as const).map((key: keyof Quantiles) => milliseconds(latency[key])),
    withSpread(spread(p99s.map((micros) => micros / 1000)), 2),
    `${milliseconds(serviceTime.p50)} / ${milliseconds(serviceTime.p99)}`,
    milliseconds(lateness.p99),
    number(refusedRequests, 0),
    exactCell(check),
  ]
}

export function topicsSection(result: TopicsResult): string[] {
  const { acknowledged, records, resent } = result
  return [
    `## Topics (Zipf), NDJSON, ${number(result.eventsPerSecond, 0)} events/s`,
    '',
    ...scalingTable('topics', [result]),
    '',
    `${number(records, 0)} records in Kafka of ${number(acknowledged, 0)} acknowledged events, ${number(resent, 0)} of them sent again; peak RSS ${mebibytes(result.peakRssBytes)}.`,
    '',
  ]
}

export function connectionsSection({ idleConnections, rows }: ConnectionsResult): string[] {
  return [
    `## Connections, NDJSON, ${number(rows[0]?.eventsPerSecond ?? Number.NaN, 0)} events/s`,
    '',
    ...scalingTable('connections', rows),
    '',
    ...rows.map(
      ({ name, bytesPerIdleConnection, peakRssBytes }) =>
        `- ${name}: ${number(bytesPerIdleConnection / 1024, 1)} KiB of memory for an idle connection (of ${number(idleConnections, 0)}); peak RSS ${mebibytes(peakRssBytes)}`,
    ),
    '',
  ]
}

function scalingTable(what: string, results: readonly ScalingResult[]): string[] {
  const rows = results.flatMap(({ name, steps }) =>
    steps.map(({ count, rounds }) => [
      name,
      number(count, 0),
      withSpread(spread(rounds.map((round) => round.cpuMicrosPerEvent)), 2),
      withSpread(spread(rounds.map((round) => round.eventsPerSecond)), 0),
      number(spread(rounds.map((round) => round.generatorCpuShare * 100)).median, 0),
      number(
        rounds.reduce((sum, round) => sum + round.refusedRequests + round.unansweredRequests, 0),
        0,
      ),
    ]),
  )
  return markdownTable(['', what, 'µs CPU / event', 'events/s', 'generator CPU %', 'refused'], rows)
}

export function routerSection(results: readonly RouterResult[]): string[] {
  const rows = results.map(({ name, rounds, peakRssBytes, check }) => [
    name,
    withSpread(spread(rounds.map((round) => round.cpuMicrosPerRecord)), 2),
    withSpread(spread(rounds.map((round) => round.recordsPerSecond)), 0),
    mebibytes(peakRssBytes),
    exactCell(check),
  ])
  const head = ['', 'µs CPU / record', 'records/s', 'peak RSS', 'exact']
  return ['## Router, pass-through', '', ...markdownTable(head, rows), '']
}

function milliseconds(micros: number): string {
  return number(micros / 1000, 2)
}
