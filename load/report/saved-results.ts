import {
  type BenchReport,
  type BenchResults,
  factLines,
  howItIsMeasured,
  type RunFacts,
  sectionsOf,
  targetsSection,
  title,
  verdictsOf,
} from './bench-report.ts'

/** One scenario as it was last measured. */
interface SavedScenario {
  readonly run: RunFacts
  readonly results: BenchResults
}

/** The latest figures of each scenario, which may come from several runs; what `load/RESULTS.json` holds. */
export interface SavedResults {
  readonly scenarios: Readonly<Record<string, SavedScenario>>
}

/** In the order of the report. */
const order = ['ndjson', 'array', 'single', 'latency', 'topics', 'connections', 'router']

/** The saved ones from their JSON; none when it is of another form or absent. */
export function parseSaved(text: string | undefined): SavedResults {
  if (text === undefined) return { scenarios: {} }
  // JSON has no NaN, and nothing of ours is null.
  const parsed = JSON.parse(text, (_, value: unknown) =>
    value === null ? Number.NaN : value,
  ) as SavedResults
  return typeof parsed.scenarios === 'object' ? parsed : { scenarios: {} }
}

/** A run replaces the scenarios that it measured, and no others. */
export function withRun(saved: SavedResults, report: BenchReport): SavedResults {
  const { cost, latency, topics, connections, router } = report
  const { command, at, seconds, commit, machine, pinning, load } = report
  const run = { command, at, seconds, commit, machine, pinning, load }
  const measured: [string, BenchResults][] = []
  for (const { format } of cost) {
    measured.push([format, { cost: cost.filter((one) => one.format === format) }])
  }
  if (latency !== undefined) measured.push(['latency', { cost: [], latency }])
  if (topics !== undefined) measured.push(['topics', { cost: [], topics }])
  if (connections !== undefined) measured.push(['connections', { cost: [], connections }])
  if (router !== undefined) measured.push(['router', { cost: [], router }])
  const fresh = measured.map(([name, results]) => [name, { run, results }] as const)
  return { scenarios: { ...saved.scenarios, ...Object.fromEntries(fresh) } }
}

/** All that is saved as one report: the targets first, then each scenario after the run that measured it. */
export function savedMarkdown({ scenarios }: SavedResults): string {
  const present = order.flatMap((name) => scenarios[name] ?? [])
  const verdicts = present.flatMap(({ results }) => verdictsOf(results))
  let before: string | undefined
  const sections = present.flatMap(({ run, results }) => {
    const facts = run.at === before ? [] : [...factLines(run), '']
    before = run.at
    return [...facts, ...sectionsOf(results)]
  })
  return [...title, ...howItIsMeasured, ...targetsSection(verdicts), '## Runs', '', ...sections].join('\n')
}
