import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { before, describe, test } from 'node:test'
import { fileCleanup } from '../support/file-cleanup.ts'
import { consoleConsumer } from '../support/independent-reader.ts'
import { runForebay, startProcess, type TestProcess } from '../support/process.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { waitFor } from '../support/wait-for.ts'

interface StackFile {
  readonly proxy: string
  readonly control: string
  readonly router: string
  readonly clusters: Readonly<
    Record<string, { bootstrap: string[]; brokers: { id: number; port: number; pid: number | null }[] }>
  >
  readonly processes: Readonly<Record<string, { pid: number }>>
  readonly sinks: Readonly<Record<string, { directory?: string }>>
}

const file = fileCleanup()
const folder = temporaryFolder(file)
const data = join(folder, 'stack')
let portBase: number

const readStack = () => JSON.parse(readFileSync(join(data, 'stack.json'), 'utf8')) as StackFile

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

const allPids = (stack: StackFile) => [
  ...Object.values(stack.processes).map(({ pid }) => pid),
  ...Object.values(stack.clusters).flatMap(({ brokers }) => brokers.flatMap(({ pid }) => pid ?? [])),
]

/** 60 ports in a row that nobody listens on, outside the range that the system gives to clients. */
async function freePortBase(): Promise<number> {
  for (let attempt = 0; attempt < 50; attempt += 1) {
    const base = 10_000 + 100 * Math.floor(Math.random() * 200)
    const free = await Promise.all(Array.from({ length: 60 }, (_, offset) => isFree(base + offset)))
    if (free.every(Boolean)) return base
  }
  throw new Error('no free range of ports')
}

function isFree(port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>()
  const server = createServer()
  server.once('error', () => resolve(false))
  server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  return promise
}

async function startStack(): Promise<TestProcess> {
  const stack = startProcess(file, 'start', ['--data', data, '--port-base', String(portBase)])
  let ended = false
  stack.exited.then(() => (ended = true)).catch(() => undefined)
  await waitFor(() => ended || stack.stdout.includes('Forebay is ready'), {
    describe: 'the stack to be ready',
    timeoutMs: 120_000,
    state: () => stack.output,
  })
  assert.ok(!ended, stack.output)
  return stack
}

/** The lines of a topic's file sink, finished ones and the present one. */
function fileLines(topic: string): string[] {
  const directory = join(readStack().sinks.file?.directory ?? '', `${topic}.file`)
  return readdirSync(directory).flatMap((name) =>
    readFileSync(join(directory, name), 'utf8').split('\n').slice(0, -1),
  )
}

const idsOf = (events: Iterable<string>) =>
  new Set([...events].map((event) => (JSON.parse(event) as { id: string }).id))

describe('the stack of npm start', () => {
  let stack: TestProcess

  before(async () => {
    portBase = await freePortBase()
    stack = await startStack()
  })

  test('a posted event arrives in the consumer cluster and in the file, byte for byte', async () => {
    const { proxy, clusters } = readStack()
    const event = '{"hello":"wörld", "big":12345678901234567890, "a":1, "a":2}'
    const answer = await fetch(`${proxy}/v1/topics/sample.events/events`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: event,
    })
    assert.deepEqual([answer.status, await answer.json()], [202, { accepted: 1 }])
    const [arrived] = await consoleConsumer(clusters.consumer?.bootstrap ?? [], 'sample.events', {
      maxMessages: 1,
      idleMs: 20_000,
    })
    assert.equal(String(arrived), event)
    await waitFor(() => fileLines('sample.events').includes(event), { describe: 'the event in the file' })
  })

  test('the hooks wake a standby broker that sleeps and put it to sleep again, once for each key', async () => {
    const call = (hook: string, key: string) =>
      fetch(`http://127.0.0.1:${portBase + 3}/${hook}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'idempotency-key': key },
        body: JSON.stringify({ standby: 'standby-a' }),
      }).then(async (answer) => [answer.status, await answer.json()])
    const pidOfSleeper = () => readStack().clusters['standby-a']?.brokers[1]?.pid
    assert.equal(pidOfSleeper(), null)
    const woken = [200, { brokers: ['standby-a/2'] }]
    assert.deepEqual(await Promise.all([call('scale-up', 'one'), call('scale-up', 'one')]), [woken, woken])
    const pid = pidOfSleeper()
    assert.ok(typeof pid === 'number' && isAlive(pid))
    assert.deepEqual(await call('scale-up', 'two'), [200, { brokers: [] }])
    assert.deepEqual(await call('scale-down', 'three'), [200, { brokers: ['standby-a/2'] }])
    assert.equal(pidOfSleeper(), null)
    assert.ok(!isAlive(pid))
    // A repetition that comes late.
    assert.deepEqual(await call('scale-up', 'one'), woken)
    assert.equal(pidOfSleeper(), null)
  })

  test('kill -9 of proxy, router, control plane and a broker, in turn, loses nothing that was answered 200', async (t) => {
    const count = 2400
    const sending = startProcess(t, 'send', [
      ...['sample.orders', '--count', String(count), '--rate', '120', '--batch', '10', '--json'],
      ...['--proxy', readStack().proxy],
    ])
    const accepted = async () => {
      const text = await (await fetch(`${readStack().router}/metrics`)).text()
      return Number(/forebay_sink_records_total\{[^}]*sample\.orders\.file[^}]*\} (\d+)/.exec(text)?.[1] ?? 0)
    }
    await waitFor(async () => (await accepted()) > 50, {
      describe: 'orders to flow',
      state: () => stack.output,
    })
    for (const name of ['proxy', 'router', 'control']) {
      const before = readStack().processes[name]?.pid ?? 0
      process.kill(before, 'SIGKILL')
      await waitFor(() => (readStack().processes[name]?.pid ?? before) !== before, {
        describe: `${name} to be restarted`,
        state: () => stack.output,
      })
    }
    const killed = await runForebay(t, ['local', 'kill', 'fronting-a/2', '--data', data])
    assert.equal(killed.code, 0, killed.stderr)
    const { code } = await sending.exited
    assert.equal(code, 0, sending.output)
    const { clusters } = readStack()
    const started = await runForebay(t, ['local', 'start', 'fronting-a/2', '--data', data])
    assert.equal(started.code, 0, started.stderr)
    await waitFor(() => idsOf(fileLines('sample.orders')).size === count, {
      describe: `${count} orders in the file`,
      timeoutMs: 60_000,
      state: () => [idsOf(fileLines('sample.orders')).size, stack.output],
    })
    const read = await consoleConsumer(clusters.consumer?.bootstrap ?? [], 'sample.orders', {
      idleMs: 15_000,
    })
    assert.equal(idsOf(read.map(String)).size, count)
    const { maybeTwice } = JSON.parse(sending.stdout) as { maybeTwice: number }
    t.diagnostic(`${read.length - count} duplicates; ${maybeTwice} events were posted again after no answer`)
  })

  test('the whole fronting cluster dies: orders are taken again by themselves, and come home when somebody says so', async (t) => {
    const { proxy, control } = readStack()
    const local = async (action: string, id: number) => {
      const { code, stderr } = await runForebay(t, ['local', action, `fronting-a/${id}`, '--data', data])
      assert.equal(code, 0, stderr)
    }
    const order = '{"id":"failover-order"}'
    const headers = { 'content-type': 'application/json' }
    const post = () =>
      fetch(`${proxy}/v1/topics/sample.orders/events`, { method: 'POST', headers, body: order })
    await Promise.all([1, 2, 3].map((id) => local('kill', id)))
    await waitFor(async () => (await post()).status === 200, {
      describe: 'an order to be acknowledged by the standby',
      timeoutMs: 60_000,
      state: () => stack.output,
    })
    await waitFor(() => fileLines('sample.orders').includes(order), { describe: 'it in the file' })
    const pidOfSleeper = () => readStack().clusters['standby-a']?.brokers[1]?.pid
    await waitFor(() => typeof pidOfSleeper() === 'number', {
      describe: 'the second standby broker to be awake',
      timeoutMs: 60_000,
      state: () => stack.output,
    })
    await Promise.all([1, 2, 3].map((id) => local('start', id)))
    const asked = { cluster: 'fronting-a', reason: 'its brokers are back' }
    const begun = await waitFor(
      async () => {
        const body = JSON.stringify(asked)
        const answer = await fetch(`${control}/v1/failbacks`, { method: 'POST', headers, body })
        if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`)
        return (await answer.json()) as { id: string }
      },
      { describe: 'the failback to begin', timeoutMs: 30_000, intervalMs: 500 },
    )
    await waitFor(
      async () => {
        const answer = await fetch(`${control}/v1/failbacks/${begun.id}`)
        const { state, ...rest } = (await answer.json()) as { state: string }
        if (state === 'done') return true
        throw new Error(JSON.stringify({ state, ...rest }))
      },
      { describe: 'the failback to end', timeoutMs: 90_000, state: () => stack.output },
    )
    await waitFor(() => pidOfSleeper() === null, { describe: 'the second standby broker to sleep again' })
    assert.equal((await post()).status, 200)
  })

  test('a stack that was killed with -9 is recognised: its orphans are ended and its data is still there', async () => {
    const orphans = allPids(readStack())
    stack.kill('SIGKILL')
    await stack.exited
    assert.ok(orphans.every(isAlive))
    stack = await startStack()
    assert.deepEqual(orphans.filter(isAlive), [])
    const { clusters } = readStack()
    const events = await consoleConsumer(clusters.consumer?.bootstrap ?? [], 'sample.events', {
      maxMessages: 1,
      idleMs: 20_000,
    })
    assert.equal(events.length, 1)
  })

  test('a taken port is named, and a second stack over the same folder is refused', async (t) => {
    const second = await runForebay(t, ['start', '--data', data, '--port-base', String(portBase)])
    assert.equal(second.code, 1)
    assert.match(second.stderr, /already|runs/)
    const other = await runForebay(t, [
      'start',
      '--data',
      join(folder, 'other'),
      '--port-base',
      String(portBase),
    ])
    assert.equal(other.code, 1)
    assert.match(other.stderr, /port \d+, needed for .*, is taken by process \d+/)
  })

  test('SIGTERM stops all of it', async () => {
    const pids = allPids(readStack())
    const { code } = await stack.stop(60_000)
    assert.equal(code, 0, stack.output)
    assert.deepEqual(pids.filter(isAlive), [])
    assert.ok(!existsSync(join(data, 'stack.json')))
  })
})
