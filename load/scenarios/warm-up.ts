import type { Bench } from '../bench/bench.ts'
import { CpuMeter } from '../bench/process-stats.ts'
import { closedLoop } from '../generator/closed-loop.ts'
import type { PostRequest } from '../generator/http-connection.ts'
import type { Measured } from './measure.ts'

export const mostWarmUpEvents = 1_000_000

/** Events that a warm-up needs bodies for. */
export function warmUpEvents({ options }: Bench): number {
  return Math.min(mostWarmUpEvents, options.events)
}

/**
 * Saturates a contender for five seconds or 1,000,000 events, whichever is less, so that its hot code is compiled before anything counts.
 * What it sustains is the rate of the second half, to the moment when all of it was in Kafka.
 */
export async function warmUp(
  bench: Bench,
  measured: Measured,
  requests: readonly PostRequest[],
): Promise<void> {
  const { options, say } = bench
  const { contender, sent } = measured
  const target = { ...contender.target, onFate: sent.note.bind(sent) }
  const { connections } = options
  const half = Math.ceil(requests.length / 2)
  const forMs = (options.warmUpSeconds * 1000) / 2
  await closedLoop({ target, requests: requests.slice(0, half), connections, forMs })
  await measured.settled()
  const meter = new CpuMeter(contender.pid)
  const startMs = performance.now()
  const { counts } = await closedLoop({ target, requests: requests.slice(half), connections, forMs })
  await measured.settled()
  const perSecond = (counts.accepted * 1000) / (performance.now() - startMs)
  const cpu = (meter.seconds() * 1e6) / counts.accepted
  say(
    `warm-up: ${contender.name.padEnd(30)} ${cpu.toFixed(2)} µs/event, sustains ${Math.round(perSecond)} events/s`,
  )
  if (!(perSecond > 0)) throw new Error(`${contender.name} accepts nothing`)
  measured.sustainedEventsPerSecond = perSecond
}
