import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FaultBed, full, nowMs } from '../support/fault-bed.ts'
import { brokerIds } from '../support/fault-brokers.ts'
import { LeavingClients } from '../support/fault-leaving-clients.ts'
import { StragglingClients } from '../support/fault-stragglers.ts'
import { waitFor } from '../support/wait-for.ts'

const times = full ? 50 : 3

test(`F24: SIGTERM under load, Kafka well, ${times} times: nothing accepted is lost and no client sees a reset`, {
  timeout: 900_000,
}, async (context) => {
  const bed = await FaultBed.make(context, {
    topics: { fast: {}, durable: { delivery: 'durable' } },
    proxyArgs: ['--drain-grace', '1s', '--log-level', 'info'],
  })
  const port = Number(new URL(bed.proxy.url).port)
  let { proxy } = bed
  let requests = 0
  for (let time = 1; time <= times; time += 1) {
    const clients = (['fast', 'durable'] as const).map(
      (name) => new LeavingClients({ proxies: [proxy.url], topic: bed.topic(name), clients: 8 }),
    )
    for (const one of clients) bed.judgeToo(one)
    await waitFor(() => clients.every((one) => one.requests.length >= 100), {
      describe: 'both loads to run',
      state: () => proxy.process.output.slice(-4000),
    })
    proxy.process.kill('SIGTERM')
    const exit = await proxy.process.exited
    await Promise.all(clients.map((one) => one.stop()))
    const output = proxy.process.output.slice(-4000)
    assert.deepEqual(exit, { code: 0, signal: null }, `time ${time}: ${output}`)
    assert.match(proxy.process.stdout, /drained: unsent 0, unanswered 0"}\n$/)
    const failed = clients.flatMap((one) => one.requests.filter(({ fate }) => fate !== 'accepted'))
    assert.deepEqual(failed, [], `time ${time}: ${output}`)
    requests += clients.reduce((sum, one) => sum + one.requests.length, 0)
    if (time < times) proxy = await bed.anotherProxy(port)
  }
  bed.note('requests, none of which failed', requests)
  for (const name of ['fast', 'durable']) {
    const { lost, duplicates, accepted } = await bed.verdict(name)
    assert.deepEqual({ lost, duplicates }, { lost: 0, duplicates: 0 })
    assert.ok(accepted > 0)
  }
})

test('F24: a request that is sent on an open connection while the port closes is answered, never reset', {
  timeout: 240_000,
}, async (context) => {
  const graceMs = 1000
  const bed = await FaultBed.make(context, {
    topics: { fast: {} },
    proxyArgs: ['--drain-grace', `${graceMs}ms`, '--log-level', 'info'],
  })
  // What is unanswered when the port closes keeps the proxy up for this long: nobody who asks meanwhile meets its end.
  for (const id of brokerIds) await bed.cluster.fault(id, { delayAnswersMs: 400 })
  const stragglers = await StragglingClients.connect(bed.proxy.url, bed.topic('fast'), 100)
  bed.judgeToo(stragglers)
  bed.proxy.process.kill('SIGTERM')
  // From shortly before the end of the grace until well after the port is closed, which takes 50 ms more.
  await bed.during(graceMs - 150)
  await stragglers.askAgain(5)
  const exit = await bed.proxy.process.exited
  assert.deepEqual(exit, { code: 0, signal: null }, bed.log)
  await bed.settle()
  const answers = stragglers.late.map(({ status, reason }) => `${status} ${reason}`)
  const count = (answer: string) => answers.filter((one) => one === answer).length
  const [taken, sentAway] = [count('202 '), count('503 urn:forebay:problem:draining')]
  bed.note('stragglers whose events were taken', taken)
  bed.note('stragglers that were sent away', sentAway)
  assert.equal(taken + sentAway, answers.length, `${[...new Set(answers)].join('; ')}\n${bed.log}`)
  assert.ok(taken > 0 && sentAway > 0, 'the port did not close while they asked')
  const { lost } = await bed.verdict('fast')
  assert.equal(lost, 0)
})

const drained = /drained: unsent (\d+), unanswered (\d+)"}\n$/

for (const signals of [1, 2]) {
  const name = signals === 1 ? 'SIGTERM' : 'a second SIGTERM'
  test(`F24: ${name} under load, Kafka hung: exits in time with the exact count`, {
    timeout: 240_000,
  }, async (context) => {
    const bed = await FaultBed.make(context, {
      topics: { fast: {} },
      proxyArgs: [
        ...['--log-level', 'info', '--drain-grace', signals === 1 ? '500ms' : '60s'],
        ...['--drain-timeout', signals === 1 ? '3s' : '120s'],
      ],
    })
    await bed.load('fast')
    await bed.during(1000)
    for (const id of brokerIds) await bed.cluster.pause(id)
    await bed.during(3000)
    const terminatedMs = nowMs()
    bed.proxy.process.kill('SIGTERM')
    if (signals === 2) {
      await bed.during(500)
      bed.proxy.process.kill('SIGTERM')
    }
    const exit = await bed.proxy.process.exited
    const tookMs = nowMs() - terminatedMs
    assert.equal(exit.code, 1, bed.log)
    // The deadline is 3 s, or at once; the rest is what a busy machine takes to end a process.
    assert.ok(tookMs < 8000, `it took ${tookMs} ms to exit`)
    await bed.settle()
    const words = drained.exec(bed.proxy.process.stdout)
    const [unsent, unanswered] = [Number(words?.[1]), Number(words?.[2])]
    const { lost } = await bed.verdict('fast')
    context.diagnostic(
      `unsent ${unsent}, unanswered ${unanswered}, missing ${lost}; exited after ${Math.round(tookMs)} ms`,
    )
    bed.note('unsent', unsent)
    bed.note('missing', lost)
    bed.note('unsent + unanswered', unsent + unanswered)
    bed.note('ended after SIGTERM, s', tookMs / 1000)
    assert.ok(unsent + unanswered > 0, bed.log)
    assert.ok(
      unsent <= lost && lost <= unsent + unanswered,
      `unsent ${unsent}, unanswered ${unanswered}, missing ${lost}`,
    )
  })
}
