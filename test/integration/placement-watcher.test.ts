import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { pino } from 'pino'
import { systemClock } from '../../src/core/clock.ts'
import { type PlacementDocument, placementETag } from '../../src/core/placement.ts'
import { PlacementSnapshot } from '../../src/placement/snapshot.ts'
import { PlacementWatcher } from '../../src/placement/watcher.ts'
import { sampleDocument } from '../unit/placement/sample.ts'

type Answerer = (request: IncomingMessage, response: ServerResponse) => void

/** A control plane that answers as told, or is away. */
class FaultyControlPlane {
  readonly asked: { url: string; etag: string | undefined }[] = []
  answer: Answerer = () => undefined
  readonly #server = createServer((request, response) => {
    this.asked.push({ url: request.url ?? '', etag: request.headers['if-none-match'] })
    this.answer(request, response)
  })
  url = ''

  async open(): Promise<void> {
    this.#server.listen(0, '127.0.0.1')
    await once(this.#server, 'listening')
    this.url = `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  async close(): Promise<void> {
    if (!this.#server.listening) return
    this.#server.closeAllConnections()
    this.#server.close()
    await once(this.#server, 'close')
  }
}

/** Gives `document` at once to whoever has another one, and holds the others' questions. */
function serving(document: PlacementDocument): Answerer {
  return (request, response) => {
    if (request.headers['if-none-match'] === placementETag(document)) {
      if (request.url?.includes('wait=0')) response.writeHead(304).end()
      return
    }
    sendJson(response, JSON.stringify(document))
  }
}

function sendJson(response: ServerResponse, body: string): void {
  response.writeHead(200, { 'content-type': 'application/json; charset=utf-8' }).end(body)
}

async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
  show: () => unknown,
): Promise<void> {
  const deadlineMs = performance.now() + 10_000
  while (!(await condition())) {
    if (performance.now() > deadlineMs) assert.fail(`${what}: ${JSON.stringify(show())}`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

describe('the placement watcher', () => {
  const control = { current: new FaultyControlPlane() }
  let folder = ''
  let file = ''
  let watcher: PlacementWatcher
  let logged: string[] = []

  const watch = (waitSeconds = 30, urls: readonly string[] = [control.current.url]) => {
    logged = []
    watcher = new PlacementWatcher({
      controlUrls: urls,
      snapshotFile: file,
      logger: pino({ level: 'debug' }, { write: (line: string) => void logged.push(line) }),
      clock: systemClock,
      waitSeconds,
      backOffMs: { first: 5, longest: 40 },
    })
    return watcher
  }

  const untilVersion = (version: number) =>
    until(
      `version ${version}`,
      () => watcher.current?.version === version,
      () => logged,
    )

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'forebay-watcher-'))
    file = join(folder, 'placement.snapshot')
    control.current = new FaultyControlPlane()
    await control.current.open()
  })
  afterEach(async () => {
    await watcher.stop()
    await control.current.close()
    await rm(folder, { recursive: true, force: true })
  })

  it('takes the first document, tells listeners, and keeps it on disk', async () => {
    control.current.answer = serving(sampleDocument({ version: 7 }))
    const seen: number[] = []
    watch().onChange((document) => void seen.push(document.version))
    assert.equal(watcher.ageMs, Number.POSITIVE_INFINITY)
    await watcher.start()
    await until(
      'a document',
      () => seen.length > 0,
      () => logged,
    )
    assert.deepEqual(seen, [7])
    assert.ok(watcher.ageMs < 10_000)
    await watcher.stop()
    assert.deepEqual(await new PlacementSnapshot(file).load(), {
      kind: 'loaded',
      document: sampleDocument({ version: 7 }),
    })
  })

  it('starts from its snapshot when the control plane is dead, and takes a newer one when it comes back (F16)', async () => {
    await new PlacementSnapshot(file).save(sampleDocument({ version: 3 }))
    await control.current.close()
    await watch().start()
    assert.equal(watcher.current?.version, 3)
    await until(
      'a failed ask',
      () => watcher.counts.failedAsks > 2,
      () => watcher.counts,
    )
    await assert.rejects(watcher.refresh(), /no control plane has confirmed the placement: .*ECONNREFUSED/)
    assert.equal(watcher.current?.version, 3)
    assert.equal(watcher.ageMs, Number.POSITIVE_INFINITY)
  })

  it('asks with what it has, and confirms it without waiting', async () => {
    await new PlacementSnapshot(file).save(sampleDocument({ version: 3 }))
    control.current.answer = serving(sampleDocument({ version: 3 }))
    await watch().start()
    await until(
      'a confirmation',
      () => Number.isFinite(watcher.ageMs),
      () => control.current.asked,
    )
    assert.deepEqual(control.current.asked[0], {
      url: '/v1/placements?after=3&wait=0',
      etag: placementETag(sampleDocument({ version: 3 })),
    })
    await until(
      'the long question',
      () => control.current.asked.length > 1,
      () => control.current.asked,
    )
    assert.equal(control.current.asked[1]?.url, '/v1/placements?after=3&wait=30')
  })

  it('refuses an older document and goes on with the present one (F17)', async () => {
    control.current.answer = serving(sampleDocument({ version: 5 }))
    await watch().start()
    await untilVersion(5)
    control.current.answer = (_request, response) =>
      sendJson(response, JSON.stringify(sampleDocument({ version: 4 })))
    await assert.rejects(watcher.refresh(), /placement-older/)
    assert.equal(watcher.current?.version, 5)
    assert.equal(watcher.counts.refusedOlder, 1)
    control.current.answer = serving(sampleDocument({ version: 1, leaseTerm: 2 }))
    await watcher.refresh()
    assert.equal(watcher.current?.leaseTerm, 2)
  })

  it('refuses a document of the same version that says something else (F17)', async () => {
    control.current.answer = serving(sampleDocument({ version: 5 }))
    await watch().start()
    await untilVersion(5)
    const contradictory = sampleDocument({ version: 5, routes: [] })
    control.current.answer = (_request, response) => sendJson(response, JSON.stringify(contradictory))
    await assert.rejects(watcher.refresh(), /placement-contradictory/)
    // The question that waits may have been answered with it too.
    assert.ok(watcher.counts.refusedContradictory >= 1, JSON.stringify(watcher.counts))
    assert.equal(watcher.current?.routes.length, 2)
  })

  it('keeps its document when another store answers, and says how to accept that one', async () => {
    await new PlacementSnapshot(file).save(sampleDocument({ version: 3 }))
    control.current.answer = (_request, response) =>
      sendJson(response, JSON.stringify(sampleDocument({ version: 9, storeId: 'other' })))
    await watch().start()
    await until(
      'a refusal',
      () => watcher.counts.refusedUnknownStore > 1,
      () => watcher.counts,
    )
    assert.equal(watcher.current?.version, 3)
    const warnings = logged.filter(
      (line) => line.includes('placement-unknown-store') && line.includes('"level":40'),
    )
    assert.equal(warnings.length, 1)
    assert.ok(warnings[0]?.includes(`delete ${file}`), warnings[0])
  })

  const rubbish: readonly (readonly [string, Answerer])[] = [
    ['HTML', (_request, response) => response.writeHead(200, { 'content-type': 'text/html' }).end('<p>')],
    ['broken JSON', (_request, response) => sendJson(response, '{"storeId":')],
    ['another shape', (_request, response) => sendJson(response, '{"storeId":"x","version":-1}')],
    ['404', (_request, response) => response.writeHead(404).end('{}')],
    ['a redirect', (_request, response) => response.writeHead(302, { location: '/elsewhere' }).end()],
    ['17 MiB', (_request, response) => sendJson(response, ' '.repeat(17 * 2 ** 20))],
    ['a 304 that was not asked for', (_request, response) => response.writeHead(304).end()],
  ]
  for (const [what, answer] of rubbish) {
    it(`counts and refuses ${what}, and takes the next good answer (F16)`, async () => {
      control.current.answer = answer
      await watch().start()
      await until(
        'a refusal',
        () => watcher.counts.refusedRubbish > 0,
        () => logged,
      )
      assert.equal(watcher.current, undefined)
      control.current.answer = serving(sampleDocument({}))
      await until(
        'a document',
        () => watcher.current !== undefined,
        () => logged,
      )
    })
  }

  it('counts 500s and cut connections as failures (F16)', async () => {
    control.current.answer = (_request, response) => response.writeHead(500).end('{}')
    await watch().start()
    await until(
      'a failure',
      () => watcher.counts.failedAsks > 1,
      () => logged,
    )
    control.current.answer = (request) => request.socket.destroy()
    const before = watcher.counts.failedAsks
    await until(
      'a failure',
      () => watcher.counts.failedAsks > before + 1,
      () => logged,
    )
    assert.equal(watcher.counts.refusedRubbish, 0)
  })

  it('puts a corrupt snapshot aside and says so', async () => {
    await writeFile(file, 'forebay-placement 1 sha256 0000\n{}')
    await watch().start()
    assert.equal(watcher.current, undefined)
    assert.ok(
      logged.some((line) => line.includes('snapshot-corrupt')),
      logged.join(''),
    )
    assert.equal((await new PlacementSnapshot(`${file}.corrupt`).load()).kind, 'corrupt')
  })

  describe('with several replicas', () => {
    const second = { current: new FaultyControlPlane() }
    beforeEach(async () => {
      second.current = new FaultyControlPlane()
      await second.current.open()
    })
    afterEach(() => second.current.close())
    const both = () => [control.current.url, second.current.url]

    it('goes to the next one when one is away, and stays there', async () => {
      await control.current.close()
      second.current.answer = serving(sampleDocument({ version: 3 }))
      await watch(30, both()).start()
      await untilVersion(3)
      await until(
        'the long question',
        () => second.current.asked.length > 1,
        () => second.current.asked,
      )
      assert.equal(watcher.counts.failedAsks, 1)
    })

    it('a refresh does not wait for one that hangs, and the next question goes to the one that answered', async () => {
      second.current.answer = serving(sampleDocument({ version: 3 }))
      await watch(30, both()).start()
      await until(
        'a question to the one that hangs',
        () => control.current.asked.length > 0,
        () => control.current.asked,
      )
      await watcher.refresh()
      assert.equal(watcher.current?.version, 3)
      await until(
        'the long question',
        () => second.current.asked.some(({ url }) => url.includes('wait=30')),
        () => second.current.asked,
      )
    })

    it('passes over one that is behind, and is content with it when nobody is further', async () => {
      control.current.answer = serving(sampleDocument({ version: 3 }))
      second.current.answer = serving(sampleDocument({ version: 3 }))
      await watch(30, both()).start()
      await untilVersion(3)
      await watcher.refresh(4)
      assert.equal(watcher.current?.version, 3)
      second.current.answer = serving(sampleDocument({ version: 4 }))
      await watcher.refresh()
      assert.equal(watcher.current?.version, 3, 'the one that is asked has confirmed it')
      await watcher.refresh(4)
      assert.equal(watcher.current?.version, 4)
    })

    it('says of each what it did when none is of use', async () => {
      await control.current.close()
      second.current.answer = (_request, response) => response.writeHead(500).end()
      await watch(30, both()).start()
      await assert.rejects(watcher.refresh(), /ECONNREFUSED.*it answered 500|it answered 500.*ECONNREFUSED/)
    })
  })

  it('who asks for a refresh while one is under way gets an answer to a later question', async () => {
    const held: ServerResponse[] = []
    control.current.answer = (_request, response) => void held.push(response)
    await watch().start()
    const first = watcher.refresh()
    const isAsked = (times: number) => () => held.length === times
    await until('two questions', isAsked(2), () => held.length)
    const later = [watcher.refresh(), watcher.refresh()]
    for (const response of held) sendJson(response, JSON.stringify(sampleDocument({ version: 3 })))
    await first
    control.current.answer = serving(sampleDocument({ version: 4 }))
    // Asked before the answer was changed, or after.
    await until(
      'a third question',
      () => held.length > 2 || watcher.current?.version === 4,
      () => held.length,
    )
    for (const response of held.slice(2)) sendJson(response, JSON.stringify(sampleDocument({ version: 4 })))
    await Promise.all(later)
    assert.equal(watcher.current?.version, 4)
  })

  it('does not ask in a tight loop when the control plane does not wait', async () => {
    const document = sampleDocument({})
    control.current.answer = (_request, response) => sendJson(response, JSON.stringify(document))
    await watch().start()
    await until(
      'a document',
      () => watcher.current !== undefined,
      () => logged,
    )
    await until(
      'several questions',
      () => control.current.asked.length > 3,
      () => control.current.asked.length,
    )
    const startedMs = performance.now()
    const before = control.current.asked.length
    await until(
      '10 more',
      () => control.current.asked.length >= before + 10,
      () => control.current.asked.length,
    )
    assert.ok(performance.now() - startedMs >= 50, 'ten questions in less than 50 ms')
  })
})
