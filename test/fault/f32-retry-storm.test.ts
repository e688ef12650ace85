import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Pool } from 'undici'
import { builtLauncher } from '../support/built.ts'
import { FaultBed, full, longOnly, nowMs } from '../support/fault-bed.ts'
import { brokerIds, wholeClusterOutages } from '../support/fault-brokers.ts'
import { type LoadedRequest, ndjson, nextRun, requestFromNow } from '../support/fault-load.ts'
import { residentBytes } from '../support/fault-memory.ts'
import { waitFor } from '../support/wait-for.ts'

const clients = 500
const events = 20

/** Clients that ask again at once, whatever they are told. */
class RetryStorm {
  readonly run = nextRun()
  readonly topic: string
  readonly requests: LoadedRequest[] = []
  readonly #pool: Pool
  readonly #done: Promise<unknown>
  #stopped = false
  #offered = 0

  constructor(url: string, topic: string) {
    this.topic = topic
    this.#pool = new Pool(url, { connections: clients, headersTimeout: 60_000 })
    this.#done = Promise.all(Array.from({ length: clients }, () => this.#client()))
  }

  async stop(): Promise<void> {
    this.#stopped = true
    await this.#done
    await this.#pool.destroy()
  }

  async #client(): Promise<void> {
    while (!this.#stopped) {
      const first = this.#offered
      this.#offered += events
      const path = `/v1/topics/${this.topic}/events`
      const headers = { 'content-type': 'application/x-ndjson' }
      const body = ndjson(this.run, first, events, 1000)
      const request = requestFromNow(first, events)
      const done = (...end: Parameters<typeof request>): void => void this.requests.push(request(...end))
      try {
        const answer = await this.#pool.request({ method: 'POST', path, headers, body })
        const { type = '' } = (await answer.body.json()) as { type?: string }
        done(answer.statusCode < 300 ? 'accepted' : 'refused', answer.statusCode, type)
      } catch (error) {
        done('unknown', 0, String(error))
      }
    }
  }
}

for (const { outage, does, inject, end } of wholeClusterOutages) {
  test(`F32: the cluster ${does}, 500 clients retry at once against a full buffer: refused early and cheaply, goodput comes back at once`, {
    timeout: 240_000,
    skip: outage === 'killed' ? longOnly : false,
  }, async (context) => {
    const bed = await FaultBed.make(context, {
      topics: { fast: {} },
      proxyArgs: ['--max-buffer', '16MiB'],
      proxyProcess: { program: builtLauncher(context) },
    })
    const injectedMs = nowMs()
    for (const id of brokerIds) await inject(bed.cluster, id)
    const injectionEndedMs = nowMs()
    const storm = new RetryStorm(bed.proxy.url, bed.topic('fast'))
    bed.judgeToo(storm)
    await waitFor(() => storm.requests.some(({ fate }) => fate === 'refused'), { describe: 'a refusal' })
    const stormMs = nowMs()
    await bed.during(full ? 15_000 : 3000)
    const healedMs = nowMs()
    // By when they came: on a busy machine a round of 500 clients was seen to take 8 s, longer than the short form looks.
    const refused = storm.requests.filter(({ fate, endMs }) => fate === 'refused' && endMs >= stormMs)
    const perSecond = (refused.length * 1000) / (healedMs - stormMs)
    bed.note('refusals a second', perSecond)
    await end(bed.cluster)
    // Brokers that were killed take their time to start, and that is not what is judged.
    const servingMs = nowMs()
    const first = await waitFor(
      () => storm.requests.find(({ fate, endMs }) => fate === 'accepted' && endMs > healedMs),
      { describe: 'goodput to come back', timeoutMs: 60_000, state: () => bed.log },
    )
    const backMs = Math.max(0, first.endMs - servingMs)
    await waitFor(
      () =>
        storm.requests.filter(({ fate, endMs }) => fate === 'accepted' && endMs > first.endMs).length > 500,
      { describe: '500 more requests to be accepted', timeoutMs: 30_000, state: () => bed.log },
    )
    await storm.stop()
    const { peak } = residentBytes(bed.proxy.process.pid)
    const metrics = await bed.settle()
    context.diagnostic(
      `accepted again after ${Math.round(backMs)} ms; memory reached ${Math.round(peak / 2 ** 20)} MiB`,
    )
    const reasons = new Set(
      storm.requests
        .filter(({ fate }) => fate !== 'accepted')
        .map(({ status, reason }) => `${status} ${reason}`),
    )
    assert.deepEqual([...reasons], ['429 urn:forebay:problem:buffer-full'])
    assert.ok(perSecond > 300, `${perSecond} refusals a second`)
    // A broker that hung is left alone for 3 s, and elections take a few seconds more.
    assert.ok(backMs < 15_000, `goodput came back after ${backMs} ms`)
    assert.ok(peak <= (16 + 150) * 2 ** 20, `memory reached ${peak} bytes`)
    await bed.assertLostOnlyUnreplicated(metrics, 'fast', injectedMs, injectionEndedMs)
  })
}
