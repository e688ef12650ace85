import { setTimeout as sleep } from 'node:timers/promises'
import type { Bench } from '../bench/bench.ts'
import { startFloor, startForebay } from '../bench/contenders.ts'
import { peakRssBytes, rssBytes } from '../bench/process-stats.ts'
import { HttpConnection } from '../generator/http-connection.ts'
import { roundLine } from './cost.ts'
import { BodyMaker, inTurn, Measured, Series } from './measure.ts'
import type { ScalingResult } from './topics.ts'
import { warmUp, warmUpEvents } from './warm-up.ts'

export interface ConnectionsRow extends ScalingResult {
  readonly role: string
  /** Growth of the resident set with all idle connections open ÷ their number. */
  readonly bytesPerIdleConnection: number
}

export interface ConnectionsResult {
  readonly idleConnections: number
  readonly rows: readonly ConnectionsRow[]
}

/** CPU per event while the same event rate comes over 100 to 5,000 connections, and what an idle connection keeps of memory. */
export async function connectionsScenario(bench: Bench): Promise<ConnectionsResult> {
  const { options, say, prefix } = bench
  say('connections: starting the contenders')
  const contenders = await Promise.all([
    startForebay(bench, `${prefix}-connections`),
    startFloor(bench, `${prefix}-connections`),
  ])
  const idleConnections = Math.max(...options.connectionCounts)
  try {
    const all = contenders.map((contender) => new Measured(bench, contender))
    const bodies = new BodyMaker(bench, 'ndjson')
    const first = bodies.make(warmUpEvents(bench))
    for (const one of all) await warmUp(bench, one, one.requestsOf(first))
    const idle = new Map<Measured, number>()
    for (const one of all) {
      idle.set(one, await idleBytes(one, idleConnections))
      say(`connections: ${one.contender.name.padEnd(30)} ${idle.get(one)} bytes for an idle connection`)
    }
    const half = Math.max(1, Math.round(Math.min(...all.map((one) => one.sustainedEventsPerSecond)) / 2))
    const eventsPerSecond = options.rate ?? half
    const events = Math.ceil(Math.min(options.events, eventsPerSecond * options.roundSeconds))
    const pattern = options.pattern ?? 'uniform'
    const steps = options.connectionCounts.flatMap((count) =>
      all.map((one) => ({ one, count, series: new Series() })),
    )
    for (let round = 1; round <= options.rounds; round += 1) {
      for (const { one, count, series } of inTurn(steps, round)) {
        const requests = one.requestsOf(bodies.make(events))
        const result = await one.drive(requests, { connections: count, eventsPerSecond, pattern })
        series.add(result)
        say(roundLine(`connections ${round}/${options.rounds}, ${count}`, one, result.measurement))
      }
    }
    const rows = all.map(
      (one): ConnectionsRow => ({
        ...{ name: one.contender.name, role: one.contender.role, eventsPerSecond },
        steps: steps
          .filter((step) => step.one === one)
          .map(({ count, series: { rounds } }) => ({ count, rounds })),
        peakRssBytes: peakRssBytes(one.contender.pid),
        bytesPerIdleConnection: idle.get(one) ?? Number.NaN,
      }),
    )
    return { idleConnections, rows }
  } finally {
    await Promise.all(contenders.map((contender) => contender.stop()))
  }
}

/** Opens connections that ask for nothing and looks at the resident set before and after, once it has stopped growing. */
async function idleBytes({ contender }: Measured, count: number): Promise<number> {
  const { pid, target } = contender
  const before = await steadyRss(pid)
  const open: HttpConnection<unknown>[] = []
  let opened = 0
  const onOpen = () => {
    opened += 1
  }
  const handlers = { onOpen, onAnswer: () => undefined, onEnd: () => undefined }
  try {
    while (open.length < count) {
      while (open.length < count && open.length - opened < 100) {
        open.push(new HttpConnection(target.address, handlers))
      }
      await sleep(1)
    }
    return Math.round(((await steadyRss(pid)) - before) / count)
  } finally {
    for (const connection of open) connection.destroy()
  }
}

async function steadyRss(pid: number): Promise<number> {
  let before = rssBytes(pid)
  for (let checks = 0; checks < 20; checks += 1) {
    await sleep(250)
    const now = rssBytes(pid)
    if (Math.abs(now - before) < 2 ** 18) return now
    before = now
  }
  return before
}
