import type { ProxyResult } from '../bench/proxy-rounds.ts'
import type { RouterResult } from '../bench/router-rounds.ts'
import { type Spread, spread } from './statistics.ts'

/** Everything of one run of the bench; also what `--json` writes. */
export interface BenchReport {
  readonly command: string
  /** RFC 3339, UTC. */
  readonly at: string
  readonly commit: string
  readonly machine: string
  readonly pinning: string
  readonly load: string
  readonly proxy: readonly ProxyResult[]
  readonly router: readonly RouterResult[]
}

interface Row {
  readonly name: string
  readonly cpu: Spread
  readonly cells: readonly string[]
  readonly exact: boolean | undefined
}

/** The report as Markdown: medians with [min, max] over the rounds, ratios to the first row. */
export function benchMarkdown(report: BenchReport): string {
  return [
    '# Results of `npm run bench`',
    '',
    `- Command: \`${report.command}\``,
    `- When: ${report.at}, commit ${report.commit}`,
    `- Machine: ${report.machine}`,
    `- Pinning: ${report.pinning}`,
    `- Load: ${report.load}`,
    '',
    'CPU is user + system of the server process until all it acknowledged is in Kafka; medians with [smallest, largest] over the',
    'rounds. Ratios are within this run: the microseconds belong to this machine.',
    '',
    ...proxySection(report.proxy),
    ...routerSection(report.router),
  ].join('\n')
}

function proxySection(results: readonly ProxyResult[]): string[] {
  if (results.length === 0) return []
  const rows = results.map(({ name, rounds, peakRssBytes, check }) => ({
    name,
    cpu: spread(rounds.map((round) => round.cpuMicrosPerEvent)),
    cells: [
      withSpread(spread(rounds.map((round) => round.eventsPerSecond)), 0),
      mebibytes(peakRssBytes),
      withSpread(spread(rounds.map((round) => round.serverCpuShare * 100)), 0),
      withSpread(spread(rounds.map((round) => round.generatorCpuShare * 100)), 0),
      String(rounds.reduce((sum, round) => sum + round.refusedRequests, 0)),
    ],
    exact: check === undefined ? undefined : isExact(check),
  }))
  const limited = results.filter(generatorBound)
  return [
    '## Proxy',
    '',
    ...tableOf(
      'µs CPU / event',
      ['events/s', 'peak RSS', 'server CPU %', 'generator CPU %', '429/503'],
      rows,
    ),
    '',
    ...(limited.length === 0
      ? []
      : [
          `The generator was the bottleneck for ${limited.map(({ name }) => name).join(', ')}: events/s there is its limit, not the server's.`,
          '',
        ]),
  ]
}

function routerSection(results: readonly RouterResult[]): string[] {
  if (results.length === 0) return []
  const rows = results.map(({ name, rounds, peakRssBytes, check }) => ({
    name,
    cpu: spread(rounds.map((round) => round.cpuMicrosPerRecord)),
    cells: [withSpread(spread(rounds.map((round) => round.recordsPerSecond)), 0), mebibytes(peakRssBytes)],
    exact: isExact(check),
  }))
  return ['## Router, pass-through', '', ...tableOf('µs CPU / record', ['records/s', 'peak RSS'], rows), '']
}

/** The generator had no CPU left while the server had. */
export function generatorBound({ rounds }: Pick<ProxyResult, 'rounds'>): boolean {
  const server = spread(rounds.map((round) => round.serverCpuShare)).median
  const generator = spread(rounds.map((round) => round.generatorCpuShare)).median
  return server < 0.85 && generator > 0.5 && generator > server
}

function isExact({ missing, duplicates, identical }: RouterResult['check']): boolean {
  return missing === 0 && duplicates === 0 && identical
}

function tableOf(cpuTitle: string, titles: readonly string[], rows: readonly Row[]): string[] {
  const head = ['', cpuTitle, '× first', ...titles, 'each acknowledged event once']
  const base = rows[0]?.cpu.median ?? Number.NaN
  return [
    `| ${head.join(' | ')} |`,
    `|${head.map((_, index) => (index === 0 ? '---' : '--:')).join('|')}|`,
    ...rows.map(({ name, cpu, cells, exact }) => {
      const yes = exact === undefined ? '–' : exact ? 'yes' : '**no**'
      return `| ${[name, withSpread(cpu, 2), (cpu.median / base).toFixed(2), ...cells, yes].join(' | ')} |`
    }),
  ]
}

function withSpread({ median, min, max }: Spread, digits: number): string {
  const text = (value: number) =>
    digits === 0 ? Math.round(value).toLocaleString('en-US') : value.toFixed(digits)
  return `${text(median)} [${text(min)}, ${text(max)}]`
}

function mebibytes(bytes: number): string {
  return `${Math.round(bytes / 2 ** 20)} MiB`
}
