import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { withAdmin } from '../../load/verify/kafka-reader.ts'
import { freePorts } from '../support/free-port.ts'
import { type ClusterAddress, sharedClusters } from '../support/kafka.ts'
import { runForebay, runProgram, startProcess, type TestProcess } from '../support/process.ts'
import { type Cleanup, temporaryFolder } from '../support/temporary-folder.ts'

const id = randomUUID().slice(0, 8)
const names = { events: `demo${id}.events`, orders: `demo${id}.orders` }
/** Hooks added while a hook runs would belong to that hook: they are kept for the suite's end. */
const cleanups: (() => void | Promise<void>)[] = []
const owner: Cleanup = { after: (hook) => void cleanups.push(hook) }

const runDemo = (words: readonly string[]) => runProgram(['load', 'demo', 'main.ts'], words)

test('without a stack the demo says how to start one', async (t) => {
  const { code, output } = await runDemo(['--data', temporaryFolder(t)])
  assert.equal(code, 1)
  assert.match(output, /^demo: no stack runs in .*: start one with npm start, in another terminal\n$/)
})

test('a wrong option is wrong usage', async () => {
  const { code, output } = await runDemo(['--limit', 'many'])
  assert.equal(code, 2)
  assert.match(output, /--limit needs a whole number[\s\S]*Usage: npm run demo/)
})

describe('the demo through control plane, proxy and router on real Kafka', () => {
  let clusters: { fronting: ClusterAddress; consumer: ClusterAddress }
  let data: string
  const processes: TestProcess[] = []

  before(async () => {
    clusters = await sharedClusters()
    data = temporaryFolder(owner)
    const [proxy = 0, control = 0, router = 0] = await freePorts(3)
    const url = (port: number) => `http://127.0.0.1:${port}`
    const start = async (name: string, port: number, args: readonly string[]) => {
      const started = startProcess(owner, name, ['--port', String(port), ...args])
      processes.push(started)
      await started.waitForReady(url(port))
    }
    await start('control', control, ['--store', join(data, 'control.sqlite')])
    mkdirSync(join(data, 'documents'))
    const documents = join(data, 'documents', 'demo.yaml')
    writeFileSync(documents, yamlOf(clusters))
    const applied = await runForebay(owner, ['apply', '-f', documents, '--control', url(control)])
    assert.equal(applied.code, 0, applied.stdout + applied.stderr)
    const follow = ['--control', url(control), '--data-dir']
    await start('proxy', proxy, [...follow, join(data, 'proxy')])
    await start('router', router, [...follow, join(data, 'router')])
    const stack = {
      proxy: url(proxy),
      control: url(control),
      router: url(router),
      clusters: {},
      processes: {},
      sinks: { file: { directory: join(data, 'router', 'files') } },
    }
    writeFileSync(join(data, 'stack.json'), JSON.stringify(stack))
  })

  after(async () => {
    await Promise.all(processes.map((one) => one.stop()))
    for (const cleanup of cleanups.toReversed()) await cleanup()
    for (const { bootstrap } of Object.values(clusters)) {
      await withAdmin(bootstrap, async (admin) => {
        const present = await admin.listTopics()
        await admin.deleteTopics({ topics: Object.values(names).filter((name) => present.includes(name)) })
      })
    }
  })

  for (const limit of [1, 3000]) {
    test(`${limit} real event(s): byte for byte, once each, in the consumer cluster and in the file`, async () => {
      const topics = ['--events-topic', names.events, '--orders-topic', names.orders]
      const { code, output } = await runDemo(['--data', data, '--limit', String(limit), ...topics])
      const state = [output, ...processes.map((one) => one.output.slice(-4000))].join('\n')
      assert.equal(code, 0, state)
      assert.match(output, /Every event is in every sink, byte for byte, exactly once/)
      assert.equal(output.match(/ same$/gm)?.length, 4, output)
    })
  }
})

function yamlOf({ fronting, consumer }: { fronting: ClusterAddress; consumer: ClusterAddress }): string {
  const topic = (name: string, delivery: string) => [
    `{kind: Topic, name: ${name}, owner: demo, delivery: ${delivery}, partitions: 3}`,
    `{kind: Route, topic: ${name}, sink: {type: kafka}}`,
    `{kind: Route, topic: ${name}, sink: {type: file}}`,
  ]
  const cluster = (name: string, role: string, { bootstrap }: ClusterAddress) =>
    `{kind: Cluster, name: ${name}, role: ${role}, bootstrap: [${bootstrap.map((at) => `"${at}"`).join(', ')}]}`
  return [
    cluster('fronting-a', 'fronting', fronting),
    cluster('consumer', 'consumer', consumer),
    ...topic(names.events, 'fast'),
    ...topic(names.orders, 'durable'),
  ].join('\n---\n')
}
