import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { json } from 'node:stream/consumers'
import { describe, it, type TestContext } from 'node:test'
import type { HookCall } from '../../../../src/control/failover/effect.ts'
import { temporaryFolder } from '../../../support/temporary-folder.ts'
import { waitFor } from '../../../support/wait-for.ts'
import { EffectRig } from './rig.ts'

const body: HookCall = { kind: 'call-hook', hook: 'scale-up', cluster: 'fronting-a', standby: 'standby-a' }
const rigWith = (scaleUp: string, timeoutMs = 20_000) =>
  new EffectRig({ hooks: { scaleUp, scaleDown: '', timeoutMs } })

interface Called {
  readonly method: string | undefined
  readonly headers: IncomingHttpHeaders
  readonly body: unknown
}

/** Answers with `status`; 0 = never. */
async function server(t: TestContext, status: number) {
  const calls: Called[] = []
  const http = createServer(async (request, response) => {
    const { method, headers } = request
    calls.push({ method, headers, body: method === 'POST' ? await json(request) : undefined })
    if (status !== 0) response.writeHead(status).end('what it says')
  })
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    http.close()
    http.closeAllConnections()
  })
  return { url: `http://127.0.0.1:${(http.address() as AddressInfo).port}/hook`, calls }
}

it('is done at once where there is no hook', async () => {
  assert.deepEqual(await rigWith('').run(body), { kind: 'none' })
})

describe('a hook that is a URL', () => {
  it('is POSTed to, with the same key at each attempt', async (t) => {
    const { url, calls } = await server(t, 204)
    const rig = rigWith(url)
    await rig.run(body)
    await rig.run(body)
    assert.deepEqual(
      calls.map(({ method, headers }) => [method, headers['idempotency-key'], headers['content-type']]),
      [
        ['POST', 'op-1/step', 'application/json'],
        ['POST', 'op-1/step', 'application/json'],
      ],
    )
    assert.deepEqual(calls[0]?.body, {
      ...{ hook: 'scale-up', cluster: 'fronting-a', standby: 'standby-a', operation: 'op-1', step: 'step' },
    })
  })

  it('has failed when it answers so, does not answer in time, or is not there', async (t) => {
    const refusing = await server(t, 503)
    await assert.rejects(
      rigWith(refusing.url).run(body),
      /scale-up hook failed: it answered 503: what it says/,
    )
    const silent = await server(t, 0)
    await assert.rejects(rigWith(silent.url, 50).run(body), /scale-up hook failed: no answer within 50 ms/)
    await assert.rejects(rigWith('http://127.0.0.1:1/').run(body), /scale-up hook failed: /)
  })

  it('is only asked for in a drill', async (t) => {
    const { url, calls } = await server(t, 405)
    await rigWith(url).run(body, { dryRun: true })
    assert.deepEqual(
      calls.map(({ method }) => method),
      ['HEAD'],
    )
    await assert.rejects(rigWith('http://127.0.0.1:1/').run(body, { dryRun: true }), /does not answer/)
  })

  it('is let go when it is stopped', async (t) => {
    const { url, calls } = await server(t, 0)
    const stopping = new AbortController()
    const called = rigWith(url).run(body, {}, stopping.signal)
    await waitFor(() => calls.length === 1, { describe: 'the call', intervalMs: 5 })
    stopping.abort(new Error('stopped'))
    await assert.rejects(called, /stopped/)
  })
})

describe('a hook that is a command', () => {
  it('is told what it is about, and of our environment nothing but PATH and HOME', async (t) => {
    const file = join(temporaryFolder(t), 'environment')
    process.env.FOREBAY_TOKEN = 'secret'
    t.after(() => {
      delete process.env.FOREBAY_TOKEN
    })
    await rigWith(`env > ${file}`).run(body)
    const lines = readFileSync(file, 'utf8').trim().split('\n')
    const variables = Object.fromEntries(lines.map((line) => line.split('=', 2)))
    const { FOREBAY_HOOK, FOREBAY_CLUSTER, FOREBAY_STANDBY, FOREBAY_IDEMPOTENCY_KEY, PATH, ...rest } =
      variables
    assert.deepEqual(
      [FOREBAY_HOOK, FOREBAY_CLUSTER, FOREBAY_STANDBY, FOREBAY_IDEMPOTENCY_KEY, PATH],
      ['scale-up', 'fronting-a', 'standby-a', 'op-1/step', process.env.PATH],
    )
    // What is left is HOME and what the shell adds by itself.
    assert.deepEqual(
      Object.keys(rest).filter((name) => !['HOME', 'PWD', 'SHLVL', '_', 'OLDPWD'].includes(name)),
      [],
    )
  })

  it('has failed when it does not end with 0, and its last words are told', async () => {
    await assert.rejects(
      rigWith('echo no more machines >&2; exit 3').run(body),
      /the scale-up hook failed: it ended with 3: no more machines/,
    )
  })

  it('is killed with all that it has started, at the time limit and when it is stopped', async (t) => {
    const folder = temporaryFolder(t)
    const ticking = (name: string) => {
      const file = join(folder, name)
      return {
        file,
        command: `(while :; do echo tick >> ${file}; sleep 0.01; done) & echo $! > ${file}.pid; wait`,
      }
    }
    const late = ticking('late')
    await assert.rejects(rigWith(late.command, 300).run(body), /killed: it did not end within 300 ms/)
    const stopped = ticking('stopped')
    const stopping = new AbortController()
    const called = rigWith(stopped.command).run(body, {}, stopping.signal)
    await waitFor(() => existsSync(stopped.file), { describe: 'the first tick', intervalMs: 5 })
    stopping.abort(new Error('stopped'))
    await assert.rejects(called, /stopped/)
    for (const { file } of [late, stopped]) {
      const pid = readFileSync(`${file}.pid`, 'utf8').trim()
      await waitFor(() => !isRunning(pid), { describe: `the end of ${file}`, intervalMs: 5 })
    }
  })

  it('may leave something running behind it', async (t) => {
    const file = join(temporaryFolder(t), 'left')
    await rigWith(`(sleep 0.2; echo noise >&2; echo done > ${file}) &`).run(body)
    await waitFor(() => existsSync(file), { describe: 'what was left running' })
  })

  it('is only looked for in a drill', async (t) => {
    const file = join(temporaryFolder(t), 'called')
    const drill = (command: string) => rigWith(command).run(body, { dryRun: true })
    await drill(`A=1 touch ${file} && echo done`)
    assert.equal(existsSync(file), false)
    await assert.rejects(drill('no-such-command --now'), /cannot be run: there is no no-such-command/)
    await assert.rejects(drill('if true; then'), /cannot be run: .*yntax/)
  })
})

/** A zombie has ended. */
function isRunning(pid: string): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return false
  }
}
