import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { connect, type Socket } from 'node:net'
import { type TestContext, test } from 'node:test'
import { FaultBed } from '../support/fault-bed.ts'
import { LeavingClients } from '../support/fault-leaving-clients.ts'
import { waitFor } from '../support/wait-for.ts'

/** Opens so many connections and keeps them; those that the other side closed are left out. */
function hoard(context: TestContext, url: string, count: number): Set<Socket> {
  const { hostname, port } = new URL(url)
  const open = new Set<Socket>()
  for (let index = 0; index < count; index += 1) {
    const socket = connect({ host: hostname, port: Number(port) })
    open.add(socket)
    socket.on('error', () => undefined)
    socket.on('close', () => open.delete(socket))
  }
  context.after(() => release(open))
  return open
}

function release(sockets: ReadonlySet<Socket>): void {
  for (const socket of sockets) socket.destroy()
}

/** A request on a connection of its own. */
async function answers(bed: FaultBed): Promise<boolean> {
  const response = await fetch(`${bed.proxy.url}/v1/topics/${bed.topic('probe')}/events`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', connection: 'close' },
    body: '{"a":1}',
    signal: AbortSignal.timeout(2000),
  })
  await response.arrayBuffer()
  return response.status === 202
}

/** More clients than descriptors, each on a connection of its own, all of them posting. */
const crowdSize = 300

async function survives(context: TestContext, bed: FaultBed): Promise<void> {
  // Open before the others come: what is open must go on being served.
  const load = await bed.load('fast', { connections: 1 })
  const durable = await bed.load('durable', { connections: 1, requestsPerSecond: 5 })
  const hoarded = hoard(context, bed.proxy.url, 500)
  await bed.during(3000)
  context.diagnostic(`${hoarded.size} of 500 idle connections stayed open`)
  assert.ok(bed.proxy.process.running, bed.log)
  release(hoarded)
  await waitFor(() => answers(bed), {
    describe: 'a new connection to be served again',
    timeoutMs: 15_000,
    state: () => bed.log,
  })
  const crowd = postingClients(bed, crowdSize)
  await bed.during(4000)
  await crowd.stop()
  const accepted = crowd.requests.filter(({ fate }) => fate === 'accepted').length
  const refused = crowd.requests.filter(({ fate }) => fate === 'refused')
  bed.note(`requests of ${crowdSize} clients that were accepted`, accepted)
  bed.note(`requests of ${crowdSize} clients that found no connection`, crowd.requests.length - accepted)
  assert.deepEqual(refused, [], 'whoever got a connection was refused')
  assert.ok(accepted > 100, `${accepted} requests of the crowd were accepted\n${bed.log}`)
  assert.ok(crowd.requests.length > accepted, 'there was a connection for everybody: nothing ran out')
  await waitFor(() => answers(bed), { describe: 'a new connection to be served', state: () => bed.log })
  const few = postingClients(bed, 20)
  await bed.during(1500)
  await few.stop()
  const metrics = await bed.settle()
  for (const { requests } of [load, durable, few]) {
    const failed = requests.filter(({ fate }) => fate !== 'accepted')
    assert.deepEqual(failed, [], `requests of open connections failed\n${bed.log}`)
  }
  assert.ok(few.requests.length > 0)
  await bed.assertNothingLost(metrics, 'durable')
  await bed.assertNothingLost(metrics, 'fast')
}

function postingClients(bed: FaultBed, clients: number): LeavingClients {
  const posting = new LeavingClients({ proxies: [bed.proxy.url], topic: bed.topic('fast'), clients })
  bed.judgeToo(posting)
  return posting
}

const topics = { probe: {}, fast: {}, durable: { delivery: 'durable' } } as const

test('F28: 256 descriptors and 500 clients: no crash, open connections are served, and it recovers', {
  timeout: 240_000,
}, async (context) => {
  const under = ['sh', '-c', 'ulimit -n 256 && exec "$@"', 'sh']
  await survives(context, await FaultBed.make(context, { topics, proxyProcess: { under } }))
})

test('F28: the limit shrinks while it runs, so that descriptors really run out: no crash, and it recovers', {
  timeout: 240_000,
}, async (context) => {
  const bed = await FaultBed.make(context, { topics })
  try {
    execFileSync('prlimit', ['--pid', String(bed.proxy.process.pid), '--nofile=128:128'])
  } catch (error) {
    context.skip(`F28: prlimit cannot change a running process here: ${(error as Error).message}`)
    return
  }
  await survives(context, bed)
})
