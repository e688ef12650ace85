import { setTimeout as sleep } from 'node:timers/promises'
import type { Address } from '../generator/http-connection.ts'
import { CpuMeter } from './process-stats.ts'

/**
 * Waits until a proxy has no event in flight, as its metrics say; rejects when their number stood still for 30 s. Returns the CPU
 * seconds that answering cost it: with many topics that is no trifle, and it belongs to no event.
 */
export async function untilDelivered({ host, port }: Address, pid: number): Promise<number> {
  const url = `http://${host}:${port}/metrics`
  let asked = 1
  let before = await inFlight(url)
  for (let changedMs = performance.now(); before > 0; asked += 1) {
    await sleep(100)
    const now = await inFlight(url)
    if (now !== before) changedMs = performance.now()
    before = now
    if (performance.now() - changedMs > 30_000) throw new Error(`${url}: ${now} events stay in flight`)
  }
  const meter = new CpuMeter(pid)
  await inFlight(url)
  return (asked + 1) * meter.seconds()
}

/** Events that were sent again after an unanswered request, and may be in Kafka twice. */
export async function resentEvents({ host, port }: Address): Promise<number> {
  const text = await (await fetch(`http://${host}:${port}/metrics`)).text()
  let events = 0
  for (const [, count] of text.matchAll(/^forebay_events_resent_total\{[^}]*\} (\d+)$/gm))
    events += Number(count)
  return events
}

async function inFlight(url: string): Promise<number> {
  const text = await (await fetch(url)).text()
  const found = /^forebay_events_in_flight (\d+)$/m.exec(text)?.[1]
  if (found === undefined) throw new Error(`${url} does not tell forebay_events_in_flight`)
  return Number(found)
}
