import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { fakeServer, forebay } from './harness.ts'

describe('the forebay command', () => {
  test('without words or with --help it shows every noun and the processes', async () => {
    const bare = await forebay([])
    assert.equal(bare.code, 2)
    const { code, out } = await forebay(['--help'])
    assert.equal(code, 0)
    for (const word of 'start proxy control router topic cluster route placement apply send config'.split(
      ' ',
    )) {
      assert.match(out, new RegExp(`^  ${word}\\b`, 'm'))
    }
    assert.match(out, /Examples:/)
  })

  test('every command has help with an example', async () => {
    for (const command of [
      'topic list',
      'topic create',
      'topic delete',
      'cluster add',
      'route create',
      'route pause',
      'placement list',
      'apply',
      'send',
      'config check',
    ]) {
      const { code, out } = await forebay([...command.split(' '), '--help'])
      assert.equal(code, 0, command)
      assert.match(out, /Examples:\n {2}/, command)
    }
  })

  for (const [words, sentence] of [
    [['topc', 'list'], /unknown command 'topc'[\s\S]*topic/],
    [['topic', 'lst'], /unknown command 'lst'[\s\S]*list/],
    [['topic', 'list', '--jsn'], /unknown option '--jsn'[\s\S]*--json/],
    [['topic'], /Usage: forebay topic/],
    [['topic', 'show'], /missing required argument 'topic'/],
    [['topic', 'create', 'a.b'], /--owner/],
    [['topic', 'create', 'a.b', '--owner', 'x', '--partitions', 'six'], /whole number/],
    [['cluster', 'add', 'x', '--role', 'boss', '--bootstrap', 'a:1'], /Allowed choices are fronting/],
    [['route', 'create', 'a.b', '--sink', 'kafka', '--rotate', '1MiB'], /belong to --sink file/],
    [['topic', 'list', '--control', 'nonsense'], /--control: "nonsense" is not an http URL/],
    [['send', 'a.b', '{}', '--count', '5'], /only one of them/],
    [['apply', '-f', '/no/such/file'], /cannot read \/no\/such\/file/],
    [['topic', 'proxy', 'x'], /unknown command/],
  ] as const) {
    test(`wrong usage exits 2: ${words.join(' ')}`, async () => {
      const { code, err, out } = await forebay(words)
      assert.equal(code, 2, err)
      assert.match(err, sentence)
      assert.equal(out, '')
    })
  }

  test('a control plane that does not answer: a sentence with what to do, exit 1', async () => {
    const server = await fakeServer(() => ({ status: 200 }))
    await server.close()
    const { code, err } = await forebay(['topic', 'list', '--control', server.url])
    assert.equal(code, 1)
    assert.equal(
      err,
      `forebay: the control plane at ${server.url} does not answer (connection refused): is it running? npm start\n`,
    )
  })

  test('where the control plane is: option, then environment, then the stack in ./.forebay', async (t) => {
    const cwd = await mkdtemp(join(tmpdir(), 'forebay-cli-'))
    t.after(() => rm(cwd, { recursive: true }))
    const servers = await Promise.all(
      ['option', 'environment', 'stack'].map((name) =>
        fakeServer(() => ({ status: 200, body: { items: [{ name, bootstrap: [] }] } })),
      ),
    )
    t.after(() => Promise.all(servers.map((server) => server.close())))
    const [option = '', environment = '', stack = ''] = servers.map((server) => server.url)
    await mkdir(join(cwd, '.forebay'))
    await writeFile(join(cwd, '.forebay', 'stack.json'), JSON.stringify({ control: stack, proxy: stack }))
    const asked = async (words: string[], variables: Record<string, string>) => {
      const { out } = await forebay(['cluster', 'list', '--json', ...words], { cwd, environment: variables })
      return (JSON.parse(out) as { name: string }[])[0]?.name
    }
    assert.equal(await asked([], {}), 'stack')
    assert.equal(await asked([], { FOREBAY_CONTROL: environment }), 'environment')
    assert.equal(await asked(['--control', option], { FOREBAY_CONTROL: environment }), 'option')
  })

  test('an unknown FOREBAY_ variable is refused with the nearest known one', async () => {
    const { code, err } = await forebay(['topic', 'list'], { environment: { FOREBAY_CONTROLL: 'http://x' } })
    assert.equal(code, 2)
    assert.match(err, /did you mean "FOREBAY_CONTROL"/)
  })

  test('version prints the version, also as JSON', async () => {
    const { out } = await forebay(['version'])
    assert.match(out, /^\d+\.\d+\.\d+\n$/)
    const json = await forebay(['version', '--json'])
    assert.equal((JSON.parse(json.out) as { version: string }).version, out.trim())
  })
})
