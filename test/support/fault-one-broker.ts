import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { FaultBed, type FaultBedOptions, nowMs } from './fault-bed.ts'
import type { FaultCluster } from './fault-brokers.ts'
import type { FaultLoad, FaultLoadOptions } from './fault-load.ts'
import { ProxySampler } from './fault-sampler.ts'

export interface OneBrokerFault {
  readonly inject: (cluster: FaultCluster) => Promise<void>
  /** Ends the fault while the load goes on; without it, `heal` after the load does. */
  readonly end?: (cluster: FaultCluster) => Promise<void>
  readonly outageMs: number
  /** Load before the fault and after its end; default 2 s each. */
  readonly aroundMs?: number
  /** Of both topics; default 6. */
  readonly partitions?: number
  readonly fastLoad?: Partial<FaultLoadOptions>
  /** Default 5 requests/s. */
  readonly durableLoad?: Partial<FaultLoadOptions>
  readonly proxyArgs?: FaultBedOptions['proxyArgs']
}

export interface OneBrokerResult {
  readonly bed: FaultBed
  readonly fast: FaultLoad
  readonly durable: FaultLoad
  readonly sampler: ProxySampler
  readonly injectedMs: number
  /** When the injection was done: everything before may still have been acknowledged. */
  readonly injectionEndedMs: number
  readonly endedMs: number
  /** Of the proxy, when everything has its outcome. */
  readonly metrics: ReadonlyMap<string, number>
}

/** A fast and a durable topic under load; the fault comes, stays and goes; everything is waited for. */
export async function oneBrokerFault(context: TestContext, fault: OneBrokerFault): Promise<OneBrokerResult> {
  const { aroundMs = 2000, partitions = 6, proxyArgs = [] } = fault
  const bed = await FaultBed.make(context, {
    topics: { fast: { partitions }, durable: { delivery: 'durable', partitions } },
    proxyArgs,
  })
  const [fast, durable] = await Promise.all([
    bed.load('fast', fault.fastLoad),
    bed.load('durable', { requestsPerSecond: 5, ...fault.durableLoad }),
  ])
  const sampler = new ProxySampler(bed.proxy, bed.topic('fast'))
  await bed.during(aroundMs)
  const injectedMs = nowMs()
  await fault.inject(bed.cluster)
  const injectionEndedMs = nowMs()
  await bed.during(fault.outageMs)
  const endedMs = nowMs()
  await fault.end?.(bed.cluster)
  await bed.during(aroundMs)
  await sampler.stop()
  const metrics = await bed.settle()
  return { bed, fast, durable, sampler, injectedMs, injectionEndedMs, endedMs, metrics }
}

/**
 * Unkeyed fast traffic goes round the broker: nothing is refused, and from 1 s after the injection on the proxy delivers what it
 * receives (half of it at least, in a stretch of the outage: the machine is shared).
 */
export function assertGoesRound({ bed, fast, sampler, injectedMs, endedMs }: OneBrokerResult): void {
  const refused = fast.requests.filter(({ fate }) => fate !== 'accepted')
  assert.deepEqual(refused, [], 'fast traffic was refused')
  const { delivered, received } = sampler.between(injectedMs + 1000, endedMs)
  bed.context.diagnostic(`from 1 s after the fault on: ${received} received, ${delivered} delivered`)
  assert.ok(received > 0 && delivered >= received / 2, `${delivered} of ${received} delivered\n${bed.log}`)
}

/** 5 requests of at most 8 MiB together wait for a broker that does not answer, and nothing piles up behind them. */
export function assertWithinLane({ bed, sampler }: OneBrokerResult): void {
  const [lane, buffer] = [
    sampler.most(({ laneBytes }) => laneBytes),
    sampler.most(({ bufferBytes }) => bufferBytes),
  ]
  bed.context.diagnostic(`largest lane ${lane} bytes, largest buffer ${buffer} bytes`)
  assert.ok(lane <= 8 * 2 ** 20 + 2 ** 20, `${lane} bytes in a lane`)
  assert.ok(buffer <= 16 * 2 ** 20, `${buffer} bytes buffered`)
}
