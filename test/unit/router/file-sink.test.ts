import assert from 'node:assert/strict'
import { appendFileSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { FileSink } from '../../../router/sink/file-sink.ts'
import { appendLine } from '../../../router/sink/json-line.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'
import { makeBatch, recordsOf } from '../kafka/batch-samples.ts'

function line(value: Buffer | undefined): string {
  const parts: Buffer[] = []
  const bytes = appendLine(parts, value)
  const joined = Buffer.concat(parts)
  assert.equal(joined.length, bytes)
  return joined.toString()
}

describe('a line of the file sink', () => {
  const asTheyAre = [
    '{"a":1}',
    '[1,2]',
    '"text"',
    '17',
    'null',
    ' {"a" : 1.0} ',
    '{"a":1,"a":2}',
    '1e400',
    '"ä\\n"',
  ]
  for (const value of asTheyAre) {
    it(`keeps ${value}`, () => assert.equal(line(Buffer.from(value)), `${value}\n`))
  }
  const others: readonly Buffer[] = [
    Buffer.from(''),
    Buffer.from('no json'),
    Buffer.from('{"a":1}\n'),
    Buffer.from('{"a":\n1}'),
    Buffer.from('{"a":1'),
    Buffer.from('{"a":1}{"b":2}'),
    Buffer.from('\ufeff{"a":1}'),
    Buffer.from([0x22, 0xff, 0x22]),
    Buffer.from('"\u0001"'),
    Buffer.from('NaN'),
  ]
  for (const value of others) {
    it(`wraps ${JSON.stringify(value.toString('latin1'))}`, () => {
      assert.equal(line(value), `{"_b64":"${value.toString('base64')}"}\n`)
    })
  }
  it('tells a null value from an empty one', () => assert.equal(line(undefined), '{"_b64":null}\n'))
})

async function written(sink: FileSink, ...values: readonly string[]) {
  const batch = await makeBatch({ records: recordsOf(...values), codec: 'zstd' })
  return sink.write({ partition: 0, sourcePartitions: 1, batches: [batch], fromOffset: 0 })
}

function files(directory: string): Record<string, string> {
  const names = readdirSync(directory).filter((name) => name.endsWith('.ndjson'))
  return Object.fromEntries(names.map((name) => [name, readFileSync(join(directory, name), 'utf8')]))
}

describe('the file sink', () => {
  const open = (t: TestContext, directory: string, rotateBytes = 1000) => {
    const sink = new FileSink({ directory, topic: 'a.b', rotateBytes })
    t.after(() => sink.close())
    return sink
  }

  it('appends lines, and goes on where it was', async (t) => {
    const directory = join(temporaryFolder(t), 'deep', 'folder')
    const first = open(t, directory)
    assert.deepEqual(await written(first, '1', '2'), { kind: 'taken', nextOffset: 2, records: 2, bytes: 4 })
    assert.equal(await first.flush(), undefined)
    await first.close()
    const second = open(t, directory)
    await written(second, '3')
    assert.deepEqual(files(directory), { 'a.b-1.ndjson': '1\n2\n3\n' })
  })

  it('begins the next file when one is large enough', async (t) => {
    const directory = temporaryFolder(t)
    const sink = open(t, directory, 5)
    for (const value of ['"one"', '"two"', '"three"']) await written(sink, value)
    assert.deepEqual(files(directory), {
      'a.b-1.ndjson': '"one"\n',
      'a.b-2.ndjson': '"two"\n',
      'a.b-3.ndjson': '"three"\n',
    })
  })

  it('takes the last file by number, not by name, and leaves other topics alone', async (t) => {
    const directory = temporaryFolder(t)
    for (const name of ['a.b-9.ndjson', 'a.b-10.ndjson', 'a.b-c-77.ndjson', 'a.b-12.txt']) {
      writeFileSync(join(directory, name), '"old"\n')
    }
    await written(open(t, directory), '"new"')
    assert.equal(files(directory)['a.b-10.ndjson'], '"old"\n"new"\n')
  })

  it('cuts off the torn line that a killed process left', async (t) => {
    const directory = temporaryFolder(t)
    const first = open(t, directory, 1e6)
    await written(first, '"whole"')
    await first.close()
    for (const torn of ['{"torn', `"${'x'.repeat(200_000)}`]) {
      appendFileSync(join(directory, 'a.b-1.ndjson'), torn)
      const sink = open(t, directory, 1e6)
      await written(sink, '"next"')
      await sink.close()
    }
    assert.deepEqual(files(directory), { 'a.b-1.ndjson': '"whole"\n"next"\n"next"\n' })
  })

  it('skips the records that were delivered already', async (t) => {
    const directory = temporaryFolder(t)
    const sink = open(t, directory)
    const batch = await makeBatch({ records: recordsOf('1', '2', '3'), baseOffset: 10 })
    await sink.write({ partition: 0, sourcePartitions: 1, batches: [batch], fromOffset: 12 })
    assert.deepEqual(files(directory), { 'a.b-1.ndjson': '3\n' })
  })

  it('fails a write where it cannot write, says where, and works when it can', async (t) => {
    const folder = temporaryFolder(t)
    const blocked = join(folder, 'blocked')
    writeFileSync(blocked, 'a file where the directory should be')
    const result = await written(open(t, blocked), '1')
    assert.equal(result.kind, 'failed')
    assert.match(result.kind === 'failed' ? result.detail : '', /blocked/)
  })

  it('refuses a directory that another living process writes', async (t) => {
    const directory = temporaryFolder(t)
    writeFileSync(join(directory, '.a.b.lock'), String(process.ppid))
    const result = await written(open(t, directory), '1')
    assert.match(result.kind === 'failed' ? result.detail : '', new RegExp(`held by process ${process.ppid}`))
    writeFileSync(join(directory, '.a.b.lock'), '999999999')
    assert.equal((await written(open(t, directory), '1')).kind, 'taken')
  })

  it('waits for its predecessor in this process, which may still be closing its file', async (t) => {
    const directory = temporaryFolder(t)
    const [before, after] = [open(t, directory), open(t, directory)]
    await written(before, '1')
    const result = await written(after, '2')
    assert.match(result.kind === 'failed' ? result.detail : '', /held by another sink of this router/)
    await before.close()
    await written(after, '2')
    assert.deepEqual(files(directory), { 'a.b-1.ndjson': '1\n2\n' })
  })
})
