import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { HttpAnswers } from '../../../../load/generator/http-answers.ts'

const answer = (status: number, body: string, more = '') =>
  `HTTP/1.1 ${status} X\r\ncontent-type: application/json\r\n${more}Content-Length: ${body.length}\r\n\r\n${body}`
const chunked =
  'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\n{"acce\r\nA;x=y\r\npted": 12}\r\n0\r\n\r\n'

describe('answers of a connection', () => {
  test('are found however the bytes are cut', () => {
    const wire =
      answer(202, '{"accepted":100}') +
      chunked +
      'HTTP/1.1 204 No Content\r\n\r\n' +
      answer(503, '{"delivered":1}') +
      answer(200, '{"accepted":7}')
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1 }), (sizes) => {
        const reader = new HttpAnswers()
        const found = []
        for (let at = 0, turn = 0; at < wire.length; turn += 1) {
          const size = sizes[turn % sizes.length] ?? 1
          found.push(...reader.push(Buffer.from(wire.slice(at, at + size))))
          at += size
        }
        assert.deepEqual(
          found.map(({ status, accepted, partial }) => [status, accepted, partial]),
          [
            [202, 100, false],
            [200, 12, false],
            [204, 0, false],
            [503, 0, true],
            [200, 7, false],
          ],
        )
      }),
    )
  })

  test('a closing connection is seen; an answer without a length is refused', () => {
    const [closing] = new HttpAnswers().push(Buffer.from(answer(503, '', 'Connection: close\r\n')))
    assert.equal(closing?.closes, true)
    assert.throws(() => new HttpAnswers().push(Buffer.from('HTTP/1.1 200 OK\r\n\r\n')), /cannot read/)
  })
})
