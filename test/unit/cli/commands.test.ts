import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { fakeControl, forebay } from './harness.ts'

const stored = { revision: 3, createdAt: '2026-01-01T00:00:00Z', updatedAt: '2026-01-01T00:00:00Z' }
const topic = {
  name: 'web.clicks',
  owner: 'web-team',
  delivery: 'fast',
  cluster: 'fronting-a',
  partitions: 6,
  retentionMs: 28_800_000,
  maxEventBytes: 1_048_576,
  check: 'structure',
  eventId: 'none',
  compression: 'none',
  mediaTypes: [],
  ...stored,
  provisioned: [
    {
      cluster: 'fronting-a',
      topicId: 'abc',
      partitions: 6,
      replicas: 1,
      minInSync: 1,
      degraded: 'replicas 1',
    },
  ],
}

describe('commands against the documented contract', () => {
  test('topic list follows the pages and shows units', async (t) => {
    const server = await fakeControl(t, ({ url }) =>
      url.includes('after=one')
        ? { status: 200, body: { items: [{ ...topic, name: 'b.two' }] } }
        : { status: 200, body: { items: [topic], next: 'one' } },
    )
    const { code, out } = await forebay(['topic', 'list', '--control', server.url])
    assert.equal(code, 0)
    assert.match(out, /^TOPIC +OWNER +DELIVERY +CLUSTER +PARTITIONS +RETENTION +MAX EVENT\n/)
    assert.match(out, /web\.clicks +web-team +fast +fronting-a +6 +8h +1MiB\n/)
    assert.match(out, /b\.two/)
    assert.deepEqual(
      server.seen.map((request) => request.url),
      ['/v1/topics?limit=500', '/v1/topics?limit=500&after=one'],
    )
  })

  test('--json prints exactly one JSON value', async (t) => {
    const server = await fakeControl(t, () => ({ status: 200, body: { items: [topic] } }))
    const { out } = await forebay(['--json', 'topic', 'list', '--control', server.url])
    assert.deepEqual(JSON.parse(out), [topic])
  })

  test('topic create posts the document as users write it, with the token', async (t) => {
    const server = await fakeControl(t, () => ({ status: 201, body: topic, headers: { etag: '"3"' } }))
    const words = 'topic create web.clicks --owner web-team --partitions 6 --retention 8h --max-event 1MiB'
    const { code, out } = await forebay([...words.split(' '), '--control', server.url, '--token', 'secret'])
    assert.equal(code, 0)
    assert.match(out, /created web\.clicks/)
    assert.match(out, /replicas 1/)
    assert.equal(server.seen[0]?.headers.authorization, 'Bearer secret')
    assert.deepEqual(JSON.parse(server.seen[0]?.body ?? ''), {
      name: 'web.clicks',
      owner: 'web-team',
      partitions: 6,
      retention: '8h',
      maxEventBytes: '1MiB',
    })
  })

  test('topic delete says what would be lost and needs --yes', async (t) => {
    const lost = '120 events are not delivered by route web.clicks.file'
    const server = await fakeControl(t, ({ method, url }) => {
      if (method === 'GET') return { status: 200, body: topic, headers: { etag: '"3"' } }
      if (url.endsWith('?yes=true')) return { status: 204 }
      return {
        status: 409,
        body: {
          type: 'urn:forebay:problem:conflict',
          title: 'x',
          status: 409,
          detail: `${lost}. Ask again with yes=true`,
        },
      }
    })
    const refused = await forebay(['topic', 'delete', 'web.clicks', '--control', server.url])
    assert.equal(refused.code, 1)
    assert.match(refused.err, new RegExp(`nothing was deleted: ${lost}\\.\n.*--yes`))
    const done = await forebay(['topic', 'delete', 'web.clicks', '--yes', '--control', server.url])
    assert.equal(done.code, 0)
    assert.equal(done.out, 'deleted web.clicks\n')
    assert.equal(server.seen.at(-1)?.headers['if-match'], '"3"')
  })

  test('a problem is shown as title: detail with advice; with --json also as one value', async (t) => {
    const body = {
      type: 'urn:forebay:problem:invalid-document',
      title: 'The document is not valid',
      status: 422,
      detail: 'unknown key "retension": did you mean "retention"?',
    }
    const server = await fakeControl(t, () => ({ status: 422, body }))
    const { code, err, out } = await forebay(['cluster', 'show', 'x', '--json', '--control', server.url])
    assert.equal(code, 2, 'a wrong document is wrong configuration')
    assert.equal(err, `forebay: ${body.title}: ${body.detail}\nFix what detail names.\n`)
    assert.deepEqual((JSON.parse(out) as { error: unknown }).error, body)
  })

  test('another server on that port is named as such', async (t) => {
    const server = await fakeControl(t, () => ({ status: 502 }))
    const { code, err } = await forebay(['placement', 'list', '--control', server.url])
    assert.equal(code, 1)
    assert.match(err, /answered 502 without saying why/)
  })

  test('route create makes the sink, pause and resume post, seek says not yet', async (t) => {
    const route = {
      name: 'web.clicks.file',
      topic: 'web.clicks',
      sink: { type: 'file', directory: 'd', rotateBytes: 1024 },
      from: 'earliest',
      state: 'running',
      ...stored,
    }
    const server = await fakeControl(t, () => ({ status: 200, body: route }))
    const at = ['--control', server.url]
    await forebay(['route', 'create', 'web.clicks', '--sink', 'file', '--rotate', '1KiB', ...at])
    assert.deepEqual(JSON.parse(server.seen[0]?.body ?? ''), {
      topic: 'web.clicks',
      sink: { type: 'file', rotate: '1KiB' },
    })
    await forebay(['route', 'pause', 'web.clicks.file', ...at])
    assert.equal(`${server.seen[1]?.method} ${server.seen[1]?.url}`, 'POST /v1/routes/web.clicks.file/pause')
    const seek = await forebay(['route', 'seek', 'web.clicks.file', ...at])
    assert.equal(seek.code, 1)
    assert.match(seek.err, /not supported yet/)
  })
})

describe('apply', () => {
  const result = {
    dryRun: true,
    version: 7,
    changes: [
      {
        kind: 'Topic',
        name: 'web.clicks',
        action: 'update',
        changes: [
          { path: 'retentionMs', from: 3_600_000, to: 28_800_000 },
          { path: 'standby', from: 's' },
          { path: 'mediaTypes', to: ['a/b'] },
        ],
        notes: ['replicas 1 instead of 2'],
      },
      { kind: 'Route', name: 'web.clicks.file', action: 'create', changes: [], notes: [] },
      { kind: 'Cluster', name: 'consumer', action: 'unchanged', changes: [], notes: [] },
    ],
  }

  test('reads several documents from stdin and shows the diff', async (t) => {
    const server = await fakeControl(t, () => ({ status: 200, body: result }))
    const stdin = 'kind: Topic\nname: web.clicks\n---\nkind: Route\ntopic: web.clicks\n---\n'
    const { code, out } = await forebay(['apply', '-f', '-', '--dry-run', '--control', server.url], { stdin })
    assert.equal(code, 0)
    assert.deepEqual(JSON.parse(server.seen[0]?.body ?? ''), {
      documents: [
        { kind: 'Topic', name: 'web.clicks' },
        { kind: 'Route', topic: 'web.clicks' },
      ],
      dryRun: true,
    })
    assert.equal(
      out,
      [
        '~ Topic web.clicks',
        '    ~ retention: 1h → 8h',
        '    - standby: s',
        '    + mediaTypes: a/b',
        '    ! replicas 1 instead of 2',
        '+ Route web.clicks.file',
        '  Cluster consumer (unchanged)',
        '',
        '1 to create, 1 to update, 1 unchanged: a dry run, nothing was changed (placement version 7)',
        '',
      ].join('\n'),
    )
  })

  test('colours only where they are shown', async (t) => {
    const server = await fakeControl(t, () => ({ status: 200, body: result }))
    const words = ['apply', '-f', '-', '--control', server.url]
    const { out } = await forebay(words, { stdin: 'kind: Topic\n', colours: true })
    assert.ok(out.includes('\u001b[32m'))
  })

  test('broken YAML, no mapping, nothing at all: exit 2 with the place, nothing sent', async (t) => {
    const server = await fakeControl(t, () => ({ status: 200, body: result }))
    const words = ['apply', '-f', '-', '--control', server.url]
    for (const [stdin, sentence] of [
      ['kind: [', /-: .*line 1/s],
      ['- a\n', /document 1 is not a mapping/],
      ['', /no document in -/],
    ] as const) {
      const { code, err } = await forebay(words, { stdin })
      assert.equal(code, 2, stdin)
      assert.match(err, sentence)
    }
    assert.equal(server.seen.length, 0)
  })
})

describe('config', () => {
  test('show prints value and source, secrets masked; check refuses a wrong value with exit 2', async () => {
    const environment = { FOREBAY_TOKEN: 'very-secret', FOREBAY_LINGER: '20ms' }
    const { code, out } = await forebay(['config', 'show', '--json'], { environment })
    assert.equal(code, 0)
    const settings = JSON.parse(out) as { process: string; key: string; value: string; source: string }[]
    const find = (process: string, key: string) =>
      settings.find((setting) => setting.process === process && setting.key === key)
    assert.deepEqual(find('proxy', 'linger'), {
      process: 'proxy',
      key: 'linger',
      value: '20ms',
      source: 'environment',
    })
    assert.equal(find('control', 'token')?.value, '***')
    assert.ok(!out.includes('very-secret'))
    const bad = await forebay(['config', 'check', '--process', 'proxy'], {
      environment: { FOREBAY_PORT: 'x' },
    })
    assert.equal(bad.code, 2)
    assert.match(bad.err, /proxy: FOREBAY_PORT: "x" is not a whole number/)
  })
})
