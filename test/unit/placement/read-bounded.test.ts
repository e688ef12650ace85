import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { readBounded } from '../../../src/placement/read-bounded.ts'

/** Chunks of a body; `read` counts those that were asked for, `closed` says that the rest was given up. */
function bodyOf(...chunks: readonly Buffer[]) {
  const seen = { read: 0, closed: false }
  async function* body() {
    try {
      for (const chunk of chunks) {
        seen.read += 1
        yield chunk
      }
    } finally {
      seen.closed = true
    }
  }
  return { seen, body: body() }
}

describe('readBounded', () => {
  it('reads up to the bound, and a letter that two chunks share', async () => {
    const bytes = Buffer.from('aü')
    assert.equal(await readBounded(bodyOf(bytes.subarray(0, 2), bytes.subarray(2)).body, 3), 'aü')
    assert.equal(await readBounded(bodyOf().body, 3), '')
  })

  it('gives up what is longer, and does not read on', async () => {
    const { seen, body } = bodyOf(Buffer.alloc(2), Buffer.alloc(2), Buffer.alloc(2))
    assert.equal(await readBounded(body, 3), undefined)
    assert.deepEqual(seen, { read: 2, closed: true })
  })

  it('fails as the body does', async () => {
    async function* body() {
      yield Buffer.from('a')
      throw new Error('reset')
    }
    await assert.rejects(readBounded(body(), 3), { message: 'reset' })
  })
})
