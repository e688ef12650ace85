import type { ConnectionsResult } from '../scenarios/connections.ts'
import type { CostResult } from '../scenarios/cost.ts'
import type { LatencyResult } from '../scenarios/latency.ts'
import type { RouterResult } from '../scenarios/router-rounds.ts'
import type { TopicsResult } from '../scenarios/topics.ts'
import { isExact, type TopicCheck } from '../verify/check-topic.ts'
import { markdownTable, number, withSpread } from './format.ts'
import {
  connectionsSection,
  costSection,
  latencySection,
  routerSection,
  topicsSection,
} from './scenario-sections.ts'
import {
  connectionsVerdicts,
  costVerdicts,
  latencyVerdicts,
  passes,
  routerVerdicts,
  scalingVerdicts,
  type Verdict,
} from './targets.ts'

/** What the scenarios of one run measured; absent when not asked for. */
export interface BenchResults {
  readonly cost: readonly CostResult[]
  readonly latency?: LatencyResult
  readonly topics?: TopicsResult
  readonly connections?: ConnectionsResult
  readonly router?: readonly RouterResult[]
}

/** What a figure depends on, and how to get it again. */
export interface RunFacts {
  readonly command: string
  /** RFC 3339, UTC. */
  readonly at: string
  readonly seconds: number
  readonly commit: string
  readonly machine: string
  readonly pinning: string
  readonly load: string
}

/** Everything of one run of the bench; also what `--json` writes. */
export interface BenchReport extends RunFacts, BenchResults {
  readonly verdicts: readonly (Verdict & { readonly pass: boolean })[]
}

export function verdictsOf({ cost, latency, topics, connections, router }: BenchResults) {
  return [
    ...cost.flatMap(costVerdicts),
    ...(latency === undefined ? [] : latencyVerdicts(latency)),
    ...(topics === undefined ? [] : scalingVerdicts('topics', topics)),
    ...(connections === undefined ? [] : connectionsVerdicts(connections)),
    ...(router === undefined ? [] : routerVerdicts(router)),
  ].map((verdict) => ({ ...verdict, pass: passes(verdict) }))
}

/** False when an event that Forebay acknowledged is not in Kafka exactly once; a baseline's loss is shown and fails nothing. */
export function forebayIsExact({ cost, latency, topics, router }: BenchResults): boolean {
  const checks: readonly (TopicCheck | undefined)[] = [
    ...cost
      .flatMap(({ contenders }) => contenders.filter(({ role }) => role === 'forebay'))
      .map(({ check }) => check),
    ...(latency === undefined ? [] : [latency.fast.check, latency.durable.check]),
    router?.[0]?.check,
  ]
  const counted = topics === undefined || isCounted(topics)
  return counted && checks.every((check) => check === undefined || isExact(check))
}

/** Only the number is known: what was sent again may be there twice, and nothing may be missing. */
function isCounted({ records, acknowledged, resent }: TopicsResult): boolean {
  return records >= acknowledged && records <= acknowledged + resent
}

/** The report as Markdown: what is claimed, then each scenario's figures. */
export function benchMarkdown(report: BenchReport): string {
  return [
    ...title,
    ...factLines(report),
    '',
    ...howItIsMeasured,
    ...targetsSection(report.verdicts),
    ...sectionsOf(report),
  ].join('\n')
}

export const title = ['# Results of `npm run bench`', '']

export const howItIsMeasured = [
  'CPU is user + system of the server process until all it acknowledged is in Kafka; medians with [smallest, largest] over the',
  'rounds, ratios round by round. Ratios are within one run: the microseconds belong to the machine. While the floor is measured,',
  'a background producer gives the brokers the same load. "Exact": an independent client read each acknowledged event back once,',
  'byte for byte.',
  '',
  'Cost is measured twice with the same servers. *Saturated*, each as fast as it answers: what an event costs when a core is full,',
  'which is what capacity costs; the ratios to the baselines and to the floor are judged there. *One rate for all*, what the slowest',
  'sustains less 20 %: there the others mostly sleep, and waking up for one request at a time costs even the floor more than all its',
  'work, so a multiple of the cheaper ones says little; the difference to the floor is judged there as well.',
  '',
]

export function factLines({ command, at, commit, seconds, machine, pinning, load }: RunFacts): string[] {
  return [
    `- Command: \`${command}\``,
    `- When: ${at}, commit ${commit}, took ${Math.round(seconds)} s`,
    `- Machine: ${machine}`,
    `- Pinning: ${pinning}`,
    `- Load: ${load}`,
  ]
}

/** Each scenario's figures. */
export function sectionsOf({ cost, latency, topics, connections, router }: BenchResults): string[] {
  return [
    ...cost.flatMap(costSection),
    ...(latency === undefined ? [] : latencySection(latency)),
    ...(topics === undefined ? [] : topicsSection(topics)),
    ...(connections === undefined ? [] : connectionsSection(connections)),
    ...(router === undefined ? [] : routerSection(router)),
  ]
}

/** What is claimed, against what was measured. */
export function targetsSection(verdicts: BenchReport['verdicts']): string[] {
  if (verdicts.length === 0) return []
  const rows = verdicts.map(({ claim, measured, unit, target, atLeast, required, pass }) => [
    claim,
    `${withSpread(measured, 2)} ${unit}`,
    `${atLeast ? '≥' : '≤'} ${number(target, 2)} ${unit}${required ? '' : ' (stretch)'}`,
    pass ? 'pass' : required ? '**FAIL**' : 'not reached',
  ])
  return ['## Targets', '', ...markdownTable(['', 'measured', 'target', ''], rows), '']
}
