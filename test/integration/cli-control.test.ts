import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { withAdmin } from '../../load/verify/kafka-reader.ts'
import { freePorts } from '../support/free-port.ts'
import { type ClusterAddress, sharedClusters } from '../support/kafka.ts'
import { runForebay, startProcess } from '../support/process.ts'
import { type Cleanup, temporaryFolder } from '../support/temporary-folder.ts'
import { forebay, type Ran } from '../unit/cli/harness.ts'

const name = `cli${randomUUID().slice(0, 8)}.clicks`
/** Hooks added while a hook runs would belong to that hook: they are kept for the suite's end. */
const cleanups: (() => void | Promise<void>)[] = []
const owner: Cleanup = { after: (hook) => void cleanups.push(hook) }

describe('the forebay command against a real control plane', () => {
  let clusters: { fronting: ClusterAddress; consumer: ClusterAddress }
  let url: string

  before(async () => {
    clusters = await sharedClusters()
    const [port = 0] = await freePorts(1)
    url = `http://127.0.0.1:${port}`
    const store = join(temporaryFolder(owner), 'control.sqlite')
    await startProcess(owner, 'control', ['--port', String(port), '--store', store]).waitForReady(url)
  })

  after(async () => {
    for (const cleanup of cleanups.toReversed()) await cleanup()
    for (const { bootstrap } of Object.values(clusters)) {
      await withAdmin(bootstrap, async (admin) => {
        if ((await admin.listTopics()).includes(name)) await admin.deleteTopics({ topics: [name] })
      })
    }
  })

  async function ask(command: string, stdin?: string): Promise<Ran> {
    const ran = await forebay([...command.split(' '), '--control', url], stdin === undefined ? {} : { stdin })
    return ran
  }

  async function done(command: string, stdin?: string): Promise<string> {
    const { code, out, err } = await ask(command, stdin)
    assert.equal(code, 0, `forebay ${command}\n${out}${err}`)
    return out
  }

  test('from an empty store to a routed topic and back', async () => {
    assert.equal(await done('cluster list'), 'none\n')
    await done(`cluster add front --role fronting --bootstrap ${clusters.fronting.bootstrap.join(',')}`)
    await done(`cluster add consumer --role consumer --bootstrap ${clusters.consumer.bootstrap.join(',')}`)
    assert.match(await done('cluster list'), /^consumer +consumer +- +127[\s\S]*^front +fronting +- +127/m)

    const created = await done(`topic create ${name} --owner web --partitions 2 --retention 1h`)
    assert.match(created, /^retention: +1h$/m)
    assert.match(created, /^front +2 +2 +1 /m)
    assert.match(await done(`route create ${name} --sink kafka`), /^sink: .*"cluster":"consumer"/m)

    const yaml = `kind: Topic\nname: ${name}\nowner: web\npartitions: 3\nretention: 2h\n`
    const dry = await done('apply -f - --dry-run', yaml)
    assert.match(dry, /~ partitions: 2 → 3\n {4}~ retention: 1h → 2h\n/)
    assert.match(dry, /0 to create, 1 to update, 0 unchanged: a dry run/)
    await done('apply -f -', yaml)
    assert.match(await done('apply -f -', yaml), /0 created, 0 updated, 1 unchanged/)
    const placements = JSON.parse(await done('placement list --json')) as {
      placements: { partitions: number }[]
    }
    assert.deepEqual(
      placements.placements.map(({ partitions }) => partitions),
      [3],
    )

    await done(`route pause ${name}.kafka`)
    assert.match(await done('route list'), / paused /)
    await done(`route resume ${name}.kafka`)
  })

  test('as a process: exit codes, JSON on stdout and nothing else there', async (t) => {
    const listed = await runForebay(t, ['topic', 'list', '--json'], { env: { FOREBAY_CONTROL: url } })
    assert.equal(listed.code, 0, listed.stderr)
    assert.ok(Array.isArray(JSON.parse(listed.stdout)))
    const mistyped = await runForebay(t, ['topc'])
    assert.deepEqual([mistyped.code, mistyped.stdout], [2, ''])
    assert.match(mistyped.stderr, /unknown command 'topc'/)
    const nowhere = await runForebay(t, ['topic', 'list', '--control', 'http://127.0.0.1:1'])
    assert.equal(nowhere.code, 1)
  })

  test('what the server refuses is one sentence: exit 2 for a wrong document, 1 otherwise', async () => {
    const typo = await ask('apply -f -', `kind: Topic\nname: ${name}\nowner: web\nretension: 1h\n`)
    assert.equal(typo.code, 2)
    assert.match(typo.err, /did you mean "retention"\?/)
    const missing = await ask('topic show no.such')
    assert.equal(missing.code, 1)
    assert.match(missing.err, /there is no topic no\.such/)
  })

  test('deleting: routes first, then --yes, then it is gone', async () => {
    const routed = await ask(`topic delete ${name} --yes`)
    assert.equal(routed.code, 1)
    assert.match(routed.err, new RegExp(`carried by ${name}.kafka`))
    await done(`route delete ${name}.kafka`)
    const unsure = await ask(`topic delete ${name}`)
    assert.equal(unsure.code, 1)
    assert.match(unsure.err, /nothing was deleted: .*every event in them[\s\S]*--yes/)
    await done(`topic delete ${name} --yes`)
    assert.equal(await done('topic list'), 'none\n')
    await done('cluster remove front')
    await done('cluster remove consumer')
  })
})
