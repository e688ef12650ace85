import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type PlacementDocument, placementETag } from '../../src/core/placement.ts'
import type { ProxyReport } from '../../src/core/proxy-report.ts'
import type { Cleanup } from './temporary-folder.ts'

/** A long-poll is let go after this. */
const holdMs = 5000

/** `hangs`: it takes everything and answers nothing; `rubbish`: 200, and no word that makes sense. */
export type ControlMood = 'well' | 'hangs' | 'fails' | 'rubbish'

/** In the place of the control plane, whose own tests are elsewhere: one placement, notes the reports, and breaks as told. */
export class StandInControl {
  /** Of every proxy that was pointed here, in the order in which they came. */
  readonly reports: ProxyReport[] = []
  mood: ControlMood = 'well'
  readonly #server = createServer((request, response) => {
    this.#answer(request, response).catch(() => response.destroy())
  })
  readonly #held = new Set<() => void>()
  #document: PlacementDocument
  #url = ''

  private constructor(document: PlacementDocument) {
    this.#document = document
  }

  static async start(owner: Cleanup, document: PlacementDocument): Promise<StandInControl> {
    const control = new StandInControl(document)
    control.#server.listen(0, '127.0.0.1')
    await once(control.#server, 'listening')
    control.#url = `http://127.0.0.1:${(control.#server.address() as AddressInfo).port}`
    owner.after(() => {
      control.#server.close()
      control.#server.closeAllConnections()
    })
    return control
  }

  get url(): string {
    return this.#url
  }

  /** Those who wait for it are told at once. */
  place(document: PlacementDocument): void {
    this.#document = document
    for (const tell of this.#held) tell()
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let text = ''
    for await (const part of request) text += part
    if (this.mood === 'hangs') return
    if (this.mood === 'fails') response.writeHead(500).end('{}')
    else if (this.mood === 'rubbish') response.writeHead(200, json).end('{"storeId":')
    else if (request.method === 'POST') this.#hear(JSON.parse(text) as ProxyReport, response)
    else await this.#tell(request, response)
  }

  #hear(report: ProxyReport, response: ServerResponse): void {
    this.reports.push(report)
    const { version } = this.#document
    response.writeHead(200, json).end(JSON.stringify({ leaseMs: 10_000, version }))
  }

  async #tell({ headers, url }: IncomingMessage, response: ServerResponse): Promise<void> {
    const known = headers['if-none-match']
    const hasNews = () => known !== placementETag(this.#document)
    if (!hasNews() && !url?.includes('wait=0')) await this.#hold()
    const etag = placementETag(this.#document)
    if (hasNews()) response.writeHead(200, { ...json, etag }).end(JSON.stringify(this.#document))
    else response.writeHead(304, { etag }).end()
  }

  async #hold(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    const timer = setTimeout(resolve, holdMs).unref()
    this.#held.add(resolve)
    await promise
    clearTimeout(timer)
    this.#held.delete(resolve)
  }
}

const json = { 'content-type': 'application/json' }
