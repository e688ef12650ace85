import { setTimeout as sleep } from 'node:timers/promises'
import type { RunningProxy } from '../integration/proxy-support.ts'

/** All samples of one `/metrics`, by the whole text before the value. */
export type Metrics = ReadonlyMap<string, number>

/** Rejects when it does not answer within 5 s. */
export async function scrape(url: string): Promise<Metrics> {
  const text = await (await fetch(`${url}/metrics`, { signal: AbortSignal.timeout(5000) })).text()
  const samples = new Map<string, number>()
  for (const line of text.split('\n')) {
    const space = line.lastIndexOf(' ')
    if (space > 0 && !line.startsWith('#')) samples.set(line.slice(0, space), Number(line.slice(space + 1)))
  }
  return samples
}

/** Over all labels that contain every one of `labels`, written `name="value"`. */
export function sumOf(metrics: Metrics, name: string, ...labels: readonly string[]): number {
  let sum = 0
  for (const [key, value] of metrics)
    if ((key === name || key.startsWith(`${name}{`)) && labels.every((label) => key.includes(label)))
      sum += value
  return sum
}

interface Sample {
  readonly atMs: number
  /** By proxy, in the order of their start; absent: it did not answer. */
  readonly proxies: readonly (Metrics | undefined)[]
}

/** Looks at every proxy five times a second, until `stop`. */
export class ProxyScraper {
  readonly samples: Sample[] = []
  readonly #done: Promise<void>
  #stopped = false

  constructor(proxies: () => readonly RunningProxy[]) {
    this.#done = this.#run(proxies)
  }

  async stop(): Promise<void> {
    this.#stopped = true
    await this.#done
  }

  /**
   * When, after `fromMs`, each proxy was first seen with something that grew past what it was at `fromMs`: the times in the order of
   * the proxies; `undefined` = never. Late by up to 200 ms.
   */
  growthMs(fromMs: number, of: (metrics: Metrics) => number): (number | undefined)[] {
    const count = Math.max(0, ...this.samples.map(({ proxies }) => proxies.length))
    return Array.from({ length: count }, (_, index) => {
      let base = 0
      for (const { atMs, proxies } of this.samples) {
        const metrics = proxies[index]
        if (metrics === undefined) continue
        if (atMs <= fromMs) base = of(metrics)
        else if (of(metrics) > base) return atMs
      }
      return undefined
    })
  }

  /** When each proxy was first seen to fulfil it after `fromMs`. */
  firstMs(fromMs: number, is: (metrics: Metrics) => boolean): (number | undefined)[] {
    const count = Math.max(0, ...this.samples.map(({ proxies }) => proxies.length))
    return Array.from({ length: count }, (_, index) => {
      const found = this.samples.find(({ atMs, proxies }) => {
        const metrics = proxies[index]
        return atMs > fromMs && metrics !== undefined && is(metrics)
      })
      return found?.atMs
    })
  }

  /** The largest value that any proxy was seen with. */
  most(fromMs: number, of: (metrics: Metrics) => number): number {
    const all = this.samples.filter(({ atMs }) => atMs >= fromMs).flatMap(({ proxies }) => proxies)
    return Math.max(0, ...all.map((metrics) => (metrics === undefined ? 0 : of(metrics))))
  }

  async #run(proxies: () => readonly RunningProxy[]): Promise<void> {
    while (!this.#stopped) {
      const atMs = performance.now()
      const seen = await Promise.all(
        proxies().map(({ url }) => scrape(url).then(withoutTopics, () => undefined)),
      )
      this.samples.push({ atMs, proxies: seen })
      await sleep(Math.max(20, atMs + 200 - performance.now()))
    }
  }
}

/** A thousand topics have thousands of series, which nobody asks for here. */
function withoutTopics(metrics: Metrics): Metrics {
  return new Map([...metrics].filter(([key]) => !key.includes('topic="')))
}
