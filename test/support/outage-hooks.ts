import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Cleanup } from './temporary-folder.ts'

/** One call of a scale-up or scale-down hook, as it came. */
export interface HookCallSeen {
  readonly hook: 'scale-up' | 'scale-down'
  readonly atMs: number
  /** The idempotency key. */
  readonly key: string
  readonly body: Readonly<Record<string, unknown>>
}

/** Takes the calls of hooks as somebody's autoscaler would, and remembers them. */
export class HookRecorder {
  readonly calls: HookCallSeen[] = []
  #url = ''

  static async start(owner: Cleanup): Promise<HookRecorder> {
    const recorder = new HookRecorder()
    const server = createServer(async (request, response) => {
      const parts: Buffer[] = []
      for await (const part of request) parts.push(part as Buffer)
      // A drill asks with HEAD whether somebody is there.
      if (request.method === 'POST') {
        recorder.#take(
          request.url ?? '',
          String(request.headers['idempotency-key'] ?? ''),
          Buffer.concat(parts),
        )
      }
      response.writeHead(200, { 'content-type': 'application/json' }).end('{}')
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    owner.after(() => {
      server.close()
      server.closeAllConnections()
    })
    recorder.#url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    return recorder
  }

  /** Settings of `forebay control`. */
  get args(): string[] {
    return ['--scale-up-hook', `${this.#url}/scale-up`, '--scale-down-hook', `${this.#url}/scale-down`]
  }

  /** Different keys of the calls of one hook since then. */
  keys(hook: HookCallSeen['hook'], sinceMs: number): ReadonlySet<string> {
    return new Set(
      this.calls.filter((call) => call.hook === hook && call.atMs >= sinceMs).map(({ key }) => key),
    )
  }

  #take(path: string, header: string, bytes: Buffer): void {
    const body = (bytes.length === 0 ? {} : JSON.parse(bytes.toString())) as Record<string, unknown>
    const key = header === '' ? String(body.key ?? '') : header
    const hook = path.endsWith('down') ? 'scale-down' : 'scale-up'
    this.calls.push({ hook, atMs: performance.now(), key, body })
  }
}
