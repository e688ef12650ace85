import type { ConnectionsResult } from '../scenarios/connections.ts'
import type { CostResult } from '../scenarios/cost.ts'
import type { LatencyResult } from '../scenarios/latency.ts'
import type { RouterResult } from '../scenarios/router-rounds.ts'
import type { ScalingResult } from '../scenarios/topics.ts'
import { roundByRound, type Spread } from './statistics.ts'

/** A claim of the project against what this run measured. */
export interface Verdict {
  readonly claim: string
  /** Over the rounds; the median decides. */
  readonly measured: Spread
  readonly unit: '×' | 'µs' | 'ms'
  readonly target: number
  readonly atLeast: boolean
  /** `false` for what is strived for beyond the target. */
  readonly required: boolean
}

export function passes({ measured, target, atLeast }: Verdict): boolean {
  return atLeast ? measured.median >= target : measured.median <= target
}

const ratio = (left: number, right: number) => left / right
const difference = (left: number, right: number) => left - right

/**
 * CPU per event of Forebay beside each baseline. What a full core costs is judged where cores are full: at the rate that the slowest
 * sustains, every other server mostly sleeps, and what its wake-ups cost, the floor's too, hides what an event costs.
 */
export function costVerdicts({ format, eventsPerSecond, contenders }: CostResult): Verdict[] {
  const saturated = eventsPerSecond === undefined
  const at = `${format}, ${saturated ? 'saturated' : 'one rate'}`
  const cpu = (role: string) =>
    contenders.find((contender) => contender.role === role)?.rounds.map((round) => round.cpuMicrosPerEvent) ??
    []
  const forebay = cpu('forebay')
  const cheaper = (role: 'kafkajs' | 'platformatic', target: number): Verdict => ({
    claim: `${at}: fastify + ${role} ÷ forebay, CPU per event`,
    measured: roundByRound(cpu(role), forebay, ratio),
    ...{ unit: '×', target, atLeast: true, required: true },
  })
  const overFloor = (target: number, required: boolean): Verdict => ({
    claim: `${at}: forebay ÷ floor, CPU per event`,
    measured: roundByRound(forebay, cpu('floor'), ratio),
    ...{ unit: '×', target, atLeast: false, required },
  })
  const aboveFloor: Verdict = {
    claim: `${at}: forebay − floor, CPU per event`,
    measured: roundByRound(forebay, cpu('floor'), difference),
    ...{ unit: 'µs', target: 1.2, atLeast: false, required: true },
  }
  if (!saturated) return format === 'ndjson' ? [aboveFloor] : []
  if (format === 'array') return [cheaper('kafkajs', 6)]
  if (format === 'single') return [overFloor(1.2, true), cheaper('kafkajs', 4)]
  return [cheaper('kafkajs', 10), cheaper('platformatic', 4), aboveFloor, overFloor(1.4, false)]
}

/** What the proxy itself may add to an ack, besides the linger. */
const durableAllowanceMs = 5

export function latencyVerdicts({ fast, floor, durable, ackP99s, lingerMs }: LatencyResult): Verdict[] {
  return [
    {
      claim: 'latency: p99 of fast ÷ p99 of the floor',
      measured: roundByRound(fast.p99s, floor.p99s, ratio),
      ...{ unit: '×', target: 2, atLeast: false, required: true },
    },
    {
      claim: `latency: p99 of durable − p99 of an ack − linger ${lingerMs} ms`,
      measured: roundByRound(durable.p99s, ackP99s, (p99, ack) => (p99 - ack) / 1000 - lingerMs),
      ...{ unit: 'ms', target: durableAllowanceMs, atLeast: false, required: true },
    },
  ]
}

/** Each further step beside the first one. */
export function scalingVerdicts(what: string, { name, steps }: ScalingResult): Verdict[] {
  const [first, ...further] = steps
  const cpu = (step: ScalingResult['steps'][number] | undefined) =>
    step?.rounds.map((round) => round.cpuMicrosPerEvent) ?? []
  return further.map((step) => ({
    claim: `${what}: ${name}, CPU per event with ${step.count} ÷ with ${first?.count}`,
    measured: roundByRound(cpu(step), cpu(first), ratio),
    ...{ unit: '×', target: 1.15, atLeast: false, required: true },
  }))
}

/** Of Forebay only: how the floor scales is for comparison. */
export function connectionsVerdicts({ rows }: ConnectionsResult): Verdict[] {
  return rows.filter(({ role }) => role === 'forebay').flatMap((row) => scalingVerdicts('connections', row))
}

export function routerVerdicts([router, kafkajs]: readonly RouterResult[]): Verdict[] {
  const cpu = (result: RouterResult | undefined) =>
    result?.rounds.map((round) => round.cpuMicrosPerRecord) ?? []
  return [
    {
      claim: 'router: kafkajs loop ÷ pass-through, CPU per record',
      measured: roundByRound(cpu(kafkajs), cpu(router), ratio),
      ...{ unit: '×', target: 5, atLeast: true, required: true },
    },
  ]
}
