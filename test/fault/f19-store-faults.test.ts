import assert from 'node:assert/strict'
import {
  closeSync,
  copyFileSync,
  ftruncateSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { faultCluster } from '../support/fault-cluster.ts'
import { SmallDisk } from '../support/fault-small-disk.ts'
import { type BedProcess, OutageBed } from '../support/outage-bed.ts'
import { OutageRow } from '../support/outage-row.ts'
import { PostgresServer, postgresBinaries } from '../support/postgres.ts'
import { startProcess } from '../support/process.ts'
import { rowCleanup } from '../support/row-cleanup.ts'
import { type Cleanup, temporaryFolder } from '../support/temporary-folder.ts'
import { uniqueTopic } from '../support/topics.ts'
import { waitFor } from '../support/wait-for.ts'

/** A control plane with this store, one proxy that follows it, and a load. */
async function begin(context: TestContext, owner: Cleanup, store: string): Promise<OutageRow> {
  const cluster = await faultCluster()
  await cluster.heal()
  const bed = await OutageBed.start(owner, {
    topics: { [uniqueTopic('fault-f19')]: { delivery: 'fast' } },
    fronting: cluster.bootstrap,
    ...{ standbyBrokers: 0, consumer: false, proxies: 1, router: false, store },
  })
  return OutageRow.begin(context, bed, { eventsPerSecond: 200 })
}

/** Traffic never noticed. */
async function assertUndisturbed(row: OutageRow): Promise<void> {
  await row.settle()
  const refused = row.requests('fast').filter(({ fate }) => fate !== 'accepted')
  assert.deepEqual(refused, [], 'traffic was disturbed')
  for (const topic of row.topics) {
    const { lost, duplicates } = await row.verdict(topic)
    assert.deepEqual([lost, duplicates], [0, 0])
  }
}

const damages: readonly {
  readonly name: string
  readonly damage: (file: string) => void
  readonly word: RegExp
}[] = [
  {
    name: 'cut in half',
    damage: (file) => {
      const handle = openSync(file, 'r+')
      ftruncateSync(handle, Math.floor(statSync(file).size / 2))
      closeSync(handle)
    },
    word: /store-corrupt/,
  },
  { name: 'empty', damage: (file) => writeFileSync(file, ''), word: /store-corrupt/ },
  {
    name: 'overwritten',
    damage: (file) => writeFileSync(file, Buffer.alloc(statSync(file).size, 'forebay ')),
    word: /store-corrupt/,
  },
]

test('F19: a damaged SQLite file: the control plane says so and ends, and never begins with an empty store', {
  timeout: 180_000,
}, async (context) => {
  const owner = rowCleanup(context)
  const file = join(temporaryFolder(owner), 'control.sqlite')
  const row = await begin(context, owner, file)
  const { control, controls } = row.bed
  const before = await control.placement()
  const [process] = controls
  assert.ok(process !== undefined)
  await process.process.stop()
  const backup = `${file}.backup`
  copyFileSync(file, backup)
  for (const { name, damage, word } of damages) {
    copyFileSync(backup, file)
    damage(file)
    const damaged = readFileSync(file)
    const { code, output } = await endOf(owner, process)
    assert.equal(code, 1, `${name}: ${output}`)
    assert.match(output, word, name)
    assert.deepEqual(readFileSync(file), damaged, `${name}: the file was changed`)
    context.diagnostic(`${name}: ${/store-[a-z]+:[^\n"]{0,200}/.exec(output)?.[0]}`)
  }
  for (const leftover of ['-wal', '-shm']) rmSync(file + leftover, { force: true })
  copyFileSync(backup, file)
  await row.bed.startAgain(process)
  const after = await control.placement()
  assert.deepEqual({ ...after, leaseTerm: 0 }, { ...before, leaseTerm: 0 })
  await assertUndisturbed(row)
})

/** It is to end by itself. */
async function endOf(
  owner: Cleanup,
  { args }: BedProcess,
): Promise<{ readonly code: number | null; readonly output: string }> {
  const started = startProcess(owner, 'control', args)
  const { code } = await started.exited
  return { code, output: started.output }
}

test('F19: the disk of the SQLite file is full: writes are refused by name, reads and traffic go on, and it heals by itself', {
  timeout: 180_000,
}, async (context) => {
  const owner = rowCleanup(context)
  const disk = SmallDisk.mount(owner, 4 * 2 ** 20)
  if (disk === undefined) {
    context.skip('this user may not mount a tmpfs')
    return
  }
  const row = await begin(context, owner, join(disk.folder, 'control.sqlite'))
  const { control } = row.bed
  const before = await control.placement()
  disk.fill()
  const refused = await waitFor(
    async () => {
      const document = { kind: 'Namespace', name: `f19-${Math.floor(Math.random() * 1e9)}`, owner: 'test' }
      const answer = await control.call('POST', '/v1/apply', { documents: [document] })
      return answer.status >= 500 ? answer : undefined
    },
    { describe: 'a write to be refused', timeoutMs: 60_000, intervalMs: 20, state: () => row.bed.logs },
  )
  context.diagnostic(`${refused.status} ${String(refused.body.type)}: ${String(refused.body.detail)}`)
  assert.equal(refused.status, 503, JSON.stringify(refused.body))
  const during = await control.placement()
  assert.deepEqual(during.placements, before.placements)
  disk.empty()
  await waitFor(async () => (await control.call('POST', '/v1/apply', { documents: [] })).status === 200, {
    describe: 'writes to work again',
    timeoutMs: 60_000,
    state: () => row.bed.logs,
  })
  const name = `f19-${process.pid}-after`
  const { version } = await control.apply([{ kind: 'Namespace', name, owner: 'test' }])
  assert.ok(version > during.version)
  await assertUndisturbed(row)
})

const found = postgresBinaries()

test('F19: PostgreSQL is gone: reads from memory, writes refused by name, no empty store, and it goes on when PostgreSQL is back', {
  timeout: 180_000,
  skip: 'missing' in found ? found.missing : false,
}, async (context) => {
  if ('missing' in found) return
  const owner = rowCleanup(context)
  const server = await PostgresServer.start(owner, found.folder)
  const row = await begin(context, owner, await server.url('control'))
  const { control, controls } = row.bed
  const before = await control.placement()
  await server.stop('SIGQUIT')
  const write = () =>
    control.call('POST', '/v1/apply', { documents: [{ kind: 'Namespace', name: 'later', owner: 'a' }] })
  const refused = await waitFor(
    async () => {
      const answer = await write().catch(() => undefined)
      return answer !== undefined && answer.status >= 500 ? answer : undefined
    },
    { describe: 'a write to be refused', timeoutMs: 30_000, state: () => row.bed.logs },
  )
  assert.deepEqual([refused.status, refused.body.type], [503, 'urn:forebay:problem:store-unavailable'])
  assert.deepEqual((await control.placement()).placements, before.placements)
  const [process] = controls
  assert.ok(process !== undefined)
  await process.process.stop()
  const { code, output } = await endOf(owner, process)
  assert.equal(code, 1, output)
  assert.match(output, /store-unavailable/)
  await server.start()
  await row.bed.startAgain(process)
  await waitFor(async () => (await write()).status === 200, { describe: 'writes', timeoutMs: 30_000 })
  const after = await control.placement()
  assert.deepEqual(after.placements, before.placements)
  await assertUndisturbed(row)
})
