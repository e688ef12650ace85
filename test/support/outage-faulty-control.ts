import { once } from 'node:events'
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Cleanup } from './temporary-folder.ts'

/** What followers get instead of the control plane's answer; `well` passes everything through. */
export type ControlFault =
  | 'well'
  /** The question is taken and never answered. */
  | 'hangs'
  | 'answers 500'
  /** 200, and bytes that are no JSON. */
  | 'answers rubbish'
  /** 200 with this document to every question for the placement, whatever the follower has; everything else is passed through. */
  | { readonly placement: unknown }

/** Stands between followers and one control plane. */
export class FaultyControl {
  readonly #target: URL
  readonly #server = createServer((incoming, response) => this.#onRequest(incoming, response))
  #fault: ControlFault = 'well'

  private constructor(target: string) {
    this.#target = new URL(target)
  }

  static async start(owner: Cleanup, target: string): Promise<FaultyControl> {
    const faulty = new FaultyControl(target)
    faulty.#server.listen(0, '127.0.0.1')
    await once(faulty.#server, 'listening')
    owner.after(() => {
      faulty.#server.close()
      faulty.#server.closeAllConnections()
    })
    return faulty
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  /** From now on; questions that wait are cut, so that they come again under the new fault. */
  set(fault: ControlFault): void {
    this.#fault = fault
    this.#server.closeAllConnections()
  }

  #onRequest(incoming: IncomingMessage, response: ServerResponse): void {
    const fault = this.#fault
    if (fault === 'hangs') incoming.resume()
    else if (fault === 'answers 500') response.writeHead(500).end('{"title":"out of order"}')
    else if (fault === 'answers rubbish')
      response.writeHead(200, { 'content-type': 'application/json' }).end('{"storeId":"nonsense","pla')
    else if (fault !== 'well' && incoming.url?.startsWith('/v1/placements') === true)
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(fault.placement))
    else this.#pass(incoming, response)
  }

  #pass(incoming: IncomingMessage, response: ServerResponse): void {
    const { hostname, port } = this.#target
    const { method, headers, url: path } = incoming
    const passed = request({ hostname, port, method, path, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers)
      answer.pipe(response)
      answer.once('error', () => response.destroy())
    })
    passed.once('error', () => response.destroy())
    response.once('close', () => passed.destroy())
    incoming.pipe(passed)
  }
}
