import assert from 'node:assert/strict'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { PlacementSnapshot } from '../../../src/placement/snapshot.ts'
import { sampleDocument } from './sample.ts'

describe('the placement snapshot', () => {
  let folder = ''
  let snapshot = new PlacementSnapshot('')

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'forebay-snapshot-'))
    snapshot = new PlacementSnapshot(join(folder, 'made', 'placement.snapshot'))
  })
  afterEach(() => rm(folder, { recursive: true, force: true }))

  it('gives back what was saved last, and leaves nothing else in the folder', async () => {
    assert.deepEqual(await snapshot.load(), { kind: 'absent' })
    await snapshot.save(sampleDocument({ version: 1 }))
    await snapshot.save(sampleDocument({ version: 2 }))
    assert.deepEqual(await snapshot.load(), { kind: 'loaded', document: sampleDocument({ version: 2 }) })
    assert.deepEqual(await readdir(join(folder, 'made')), ['placement.snapshot'])
  })

  it('refuses a file in which any single byte was changed, and keeps it aside', async () => {
    await snapshot.save(sampleDocument({}))
    const good = await readFile(snapshot.file)
    for (let at = 0; at < good.length - 1; at += 7) {
      const bad = Buffer.from(good)
      bad.writeUInt8(bad.readUInt8(at) ^ 0x10, at)
      await writeFile(snapshot.file, bad)
      const read = await snapshot.load()
      assert.equal(read.kind, 'corrupt', `byte ${at}: ${JSON.stringify(read)}`)
      assert.deepEqual(await readFile(`${snapshot.file}.corrupt`), bad)
      assert.deepEqual(await snapshot.load(), { kind: 'absent' })
    }
  })

  it('refuses a file that was cut short, and an empty one', async () => {
    await snapshot.save(sampleDocument({}))
    const good = await readFile(snapshot.file)
    for (const length of [0, 10, 100, good.length - 2]) {
      await writeFile(snapshot.file, good.subarray(0, length))
      assert.equal((await snapshot.load()).kind, 'corrupt', `${length} bytes`)
    }
  })

  it('can be forgotten, twice', async () => {
    await snapshot.save(sampleDocument({}))
    await snapshot.remove()
    await snapshot.remove()
    assert.deepEqual(await snapshot.load(), { kind: 'absent' })
  })
})
