import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import {
  assertConserved,
  placementOf,
  postEvents,
  type RunningProxy,
  readMetrics,
  startProxy,
} from '../integration/proxy-support.ts'
import type { ClusterAddress } from '../support/cluster-set.ts'
import { readAll } from '../support/independent-reader.ts'
import { sharedCluster } from '../support/kafka.ts'
import { placedTopic } from '../support/placed-topic.ts'
import { makeTopic, uniqueTopic } from '../support/topics.ts'
import { waitFor } from '../support/wait-for.ts'

const jsonType = 'application/json'

interface Hostile {
  readonly name: string
  readonly body: Buffer
  /** Refused by `structure` and by `grammar`; otherwise it must arrive byte for byte. */
  readonly refusedBy: readonly ('structure' | 'grammar')[]
  readonly status?: number
}

const both = ['structure', 'grammar'] as const
const text = (value: string) => Buffer.from(value)

const hostile: readonly Hostile[] = [
  {
    name: 'depth 100,000 of objects',
    body: text('{"a":'.repeat(100_000) + '1' + '}'.repeat(100_000)),
    refusedBy: both,
    status: 422,
  },
  {
    name: 'depth 100,000 of arrays',
    body: text('['.repeat(100_000) + ']'.repeat(100_000)),
    refusedBy: both,
    status: 422,
  },
  { name: 'depth 100,000, never closed', body: text('['.repeat(100_000)), refusedBy: both, status: 400 },
  { name: 'depth 64', body: text('{"a":'.repeat(64) + '1' + '}'.repeat(64)), refusedBy: [] },
  { name: 'duplicate keys', body: text('{"a":1,"a":2,"a":{"a":3}}'), refusedBy: [] },
  {
    name: '__proto__',
    body: text('{"__proto__":{"admin":true},"constructor":{"prototype":{"x":1}}}'),
    refusedBy: [],
  },
  {
    name: 'invalid UTF-8 in a string',
    body: Buffer.from('{"a":"\xc3\x28"}', 'latin1'),
    refusedBy: both,
    status: 422,
  },
  { name: 'overlong UTF-8', body: Buffer.from('{"a":"\xc0\x80"}', 'latin1'), refusedBy: both, status: 422 },
  {
    name: 'a surrogate as UTF-8',
    body: Buffer.from('{"a":"\xed\xa0\x80"}', 'latin1'),
    refusedBy: both,
    status: 422,
  },
  { name: 'lone surrogates, escaped', body: text('{"a":"\\ud800","b":"\\udc00\\ud800"}'), refusedBy: [] },
  { name: 'an escaped NUL', body: text('{"a\\u0000b":"\\u0000"}'), refusedBy: [] },
  { name: 'a raw NUL in a string', body: text('{"a":"\u0000"}'), refusedBy: ['grammar'], status: 422 },
  { name: 'huge integers', body: text(`{"id":9007199254740993,"x":${'9'.repeat(5000)}}`), refusedBy: [] },
  { name: 'huge exponents and −0', body: text('{"a":1e999999,"b":-0,"c":1E-400,"d":0.10}'), refusedBy: [] },
  { name: 'a byte order mark', body: text('\ufeff{"a":1}'), refusedBy: both, status: 422 },
  { name: 'white space everywhere', body: text('{ "a"\t:\r\n[ 1 ,2 ] }'), refusedBy: [] },
  { name: 'NaN and Infinity', body: text('{"a":NaN,"b":-Infinity}'), refusedBy: ['grammar'], status: 422 },
  { name: 'a comment', body: text('{"a":1/* no */}'), refusedBy: ['grammar'], status: 422 },
  { name: 'a trailing comma', body: text('{"a":1,}'), refusedBy: ['grammar'], status: 422 },
  { name: 'two values', body: text('{"a":1}{"b":2}'), refusedBy: both, status: 422 },
  { name: 'brackets crossed', body: text('{"a":[1}]'), refusedBy: both, status: 422 },
  { name: 'a string that does not end', body: text('{"a":"b\\"}'), refusedBy: both, status: 422 },
  { name: 'a key of 100,000 characters', body: text(`{"${'k'.repeat(100_000)}":1}`), refusedBy: [] },
  { name: 'line separators that are none in JSON', body: text('{"a":"\u2028\u2029"}'), refusedBy: [] },
]

let fronting: ClusterAddress
let proxy: RunningProxy
const topics = { structure: uniqueTopic('f31-structure'), grammar: uniqueTopic('f31-grammar') }
const cleanups: (() => Promise<void> | void)[] = []

before(async () => {
  fronting = await sharedCluster('fronting')
  for (const topic of Object.values(topics)) {
    cleanups.push(await makeTopic(fronting.bootstrap, topic, { partitions: 2, replicas: 2 }))
  }
  const placements = [
    placedTopic(topics.structure),
    placedTopic(topics.grammar, { check: 'grammar', delivery: 'durable' }),
  ]
  proxy = await startProxy(
    { after: (hook) => cleanups.push(async () => hook()) },
    placementOf(fronting.bootstrap, placements),
    [...['--log-level', 'warn', '--drain-grace', '0s']],
  )
})

after(async () => {
  for (const cleanup of cleanups.reverse()) await cleanup()
})

for (const check of ['structure', 'grammar'] as const) {
  test(`F31: hostile JSON, check ${check}: refused, or in Kafka byte for byte`, async () => {
    const topic = topics[check]
    const expected: string[] = []
    for (const { name, body, refusedBy, status } of hostile) {
      const answer = await postEvents(proxy, topic, body, jsonType)
      const refused = refusedBy.includes(check)
      const wanted = refused ? status : check === 'structure' ? 202 : 200
      assert.equal(answer.status, wanted, `${name}: ${JSON.stringify(answer.body).slice(0, 500)}`)
      if (!refused) expected.push(body.toString('latin1'))
    }
    // The good ones of all of them again, as one array and as lines between bad ones.
    const good = hostile.filter(({ refusedBy }) => !refusedBy.includes(check)).map(({ body }) => body)
    const array = await postEvents(
      proxy,
      topic,
      Buffer.concat([text('['), join(good, ' , '), text(']')]),
      jsonType,
    )
    assert.equal(array.body.accepted, good.length, JSON.stringify(array.body).slice(0, 500))
    expected.push(...good.map((body) => body.toString('latin1')))
    const oneLine = good.filter((body) => !body.includes('\n'))
    const lines = await postEvents(
      proxy,
      topic,
      Buffer.concat([text('{"\n'), join(oneLine, '\n]\n'), text('\r\n{}{}')]),
    )
    assert.equal(lines.body.accepted, oneLine.length, JSON.stringify(lines.body).slice(0, 500))
    assert.equal(lines.body.rejected?.length, oneLine.length + 1)
    expected.push(...oneLine.map((body) => body.toString('latin1')))
    const records = await waitFor(
      async () => {
        const all = await readAll(fronting.bootstrap, topic)
        return all.length >= expected.length ? all : undefined
      },
      { describe: `${expected.length} records in ${topic}`, state: () => proxy.process.output.slice(-4000) },
    )
    const arrived = records.map(({ value }) => value?.toString('latin1'))
    assert.deepEqual(arrived.sort(), expected.sort())
  })
}

test('F31: the counts add up and the proxy still takes events', async () => {
  const answer = await postEvents(proxy, topics.grammar, '{"fine":true}', jsonType)
  assert.equal(answer.status, 200)
  assertConserved(await readMetrics(proxy))
})

function join(bodies: readonly Buffer[], separator: string): Buffer {
  return Buffer.concat(bodies.flatMap((body, at) => (at === 0 ? [body] : [text(separator), body])))
}
