import { setTimeout as sleep } from 'node:timers/promises'
import { type RunningProxy, readMetrics } from '../integration/proxy-support.ts'
import { nowMs } from './fault-bed.ts'

/** One look at a proxy, in events and bytes. */
export interface ProxySample {
  /** On the clock of the loads. */
  readonly atMs: number
  readonly delivered: number
  readonly received: number
  /** Bytes of the largest lane. */
  readonly laneBytes: number
  readonly bufferBytes: number
  readonly rssBytes: number
}

/** Looks at a proxy's metrics about four times a second, until `stop`. `topic`: whose events are counted. */
export class ProxySampler {
  readonly samples: ProxySample[] = []
  readonly #done: Promise<void>
  #stopped = false

  constructor(proxy: RunningProxy, topic: string) {
    this.#done = this.#run(proxy, topic)
  }

  async stop(): Promise<readonly ProxySample[]> {
    this.#stopped = true
    await this.#done
    return this.samples
  }

  /** Delivered and received events from the first sample after `fromMs` to the last one before `toMs`. */
  between(fromMs: number, toMs: number): { delivered: number; received: number } {
    const inside = this.samples.filter(({ atMs }) => atMs >= fromMs && atMs <= toMs)
    const [first, last] = [inside[0], inside.at(-1)]
    if (first === undefined || last === undefined) return { delivered: 0, received: 0 }
    return { delivered: last.delivered - first.delivered, received: last.received - first.received }
  }

  /** The highest value that was seen. */
  most(of: (sample: ProxySample) => number): number {
    return Math.max(0, ...this.samples.map(of))
  }

  async #run(proxy: RunningProxy, topic: string): Promise<void> {
    while (!this.#stopped) {
      const metrics = await readMetrics(proxy).catch(() => undefined)
      if (metrics !== undefined) this.samples.push(sampleOf(metrics, topic))
      // A row that fails forgets it: it keeps no process alive.
      await sleep(250, undefined, { ref: false })
    }
  }
}

function sampleOf(metrics: ReadonlyMap<string, number>, topic: string): ProxySample {
  const all = (name: string) =>
    [...metrics].filter(([key]) => key.startsWith(`${name}{`)).map(([, value]) => value)
  return {
    atMs: nowMs(),
    delivered:
      metrics.get(`forebay_events_outcome_total{topic="${topic}",outcome="delivered",reason=""}`) ?? 0,
    received: metrics.get(`forebay_events_received_total{topic="${topic}"}`) ?? 0,
    laneBytes: Math.max(0, ...all('forebay_lane_bytes')),
    bufferBytes: all('forebay_buffer_bytes').reduce((sum, bytes) => sum + bytes, 0),
    rssBytes: metrics.get('process_resident_memory_bytes') ?? 0,
  }
}
