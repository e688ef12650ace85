import { bodyFormats } from '../generator/bodies.ts'
import type { BenchResults } from '../report/bench-report.ts'
import { connectionsScenario } from '../scenarios/connections.ts'
import { type CostResult, costScenario } from '../scenarios/cost.ts'
import { latencyScenario } from '../scenarios/latency.ts'
import { routerScenario } from '../scenarios/router.ts'
import { topicsScenario } from '../scenarios/topics.ts'
import type { Bench } from './bench.ts'
import type { ScenarioName } from './options.ts'

/** The scenarios that were asked for, one after the other, each with servers of its own. */
export async function runScenarios(bench: Bench): Promise<BenchResults> {
  const asked = (name: ScenarioName) => bench.options.scenarios.includes(name)
  const cost: CostResult[] = []
  for (const format of bodyFormats) if (asked(format)) cost.push(...(await costScenario(bench, format)))
  return {
    cost,
    ...(asked('latency') ? { latency: await latencyScenario(bench) } : {}),
    ...(asked('topics') ? { topics: await topicsScenario(bench) } : {}),
    ...(asked('connections') ? { connections: await connectionsScenario(bench) } : {}),
    ...(asked('router') ? { router: await routerScenario(bench) } : {}),
  }
}
