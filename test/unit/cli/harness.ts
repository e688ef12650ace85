import { createServer, type IncomingMessage, type Server } from 'node:http'
import { tmpdir } from 'node:os'
import { Readable } from 'node:stream'
import { run } from '../../../src/cli/program.ts'
import type { Cleanup } from '../../support/temporary-folder.ts'

export interface Seen {
  readonly method: string
  readonly url: string
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

export interface Reply {
  readonly status: number
  readonly body?: unknown
  readonly headers?: Record<string, string>
}

export interface FakeServer {
  readonly url: string
  readonly seen: Seen[]
  close(): Promise<void>
}

/** An HTTP server that answers as `answer` says and remembers what it was asked. */
export async function fakeServer(answer: (request: Seen, index: number) => Reply): Promise<FakeServer> {
  const seen: Seen[] = []
  const server: Server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const asked = {
        method: request.method ?? '',
        url: request.url ?? '',
        headers: request.headers,
        body: Buffer.concat(chunks).toString(),
      }
      const { status, body, headers = {} } = answer(asked, seen.push(asked) - 1)
      response.writeHead(status, { 'content-type': 'application/json', ...headers })
      response.end(body === undefined ? undefined : JSON.stringify(body))
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the fake server has no port')
  return {
    url: `http://127.0.0.1:${address.port}`,
    seen,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

/** One that commands take for the control plane. */
export async function fakeControl(
  owner: Cleanup,
  answer: (request: Seen, index: number) => Reply,
): Promise<FakeServer> {
  const server = await fakeServer(answer)
  owner.after(() => server.close())
  return server
}

export interface Ran {
  readonly code: number
  readonly out: string
  readonly err: string
}

export interface RunOptions {
  readonly stdin?: string
  readonly colours?: boolean
  readonly environment?: Record<string, string>
  readonly interrupted?: AbortSignal
  readonly cwd?: string
  readonly onOutput?: (text: string) => void
}

/** Runs a command line in this process. */
export async function forebay(argv: readonly string[], options: RunOptions = {}): Promise<Ran> {
  let out = ''
  let err = ''
  const code = await run(argv, {
    stdin: Readable.from(options.stdin === undefined ? [] : [Buffer.from(options.stdin)]),
    write: (text) => {
      out += text
      options.onOutput?.(text)
    },
    note: (text) => {
      err += text
    },
    colours: options.colours ?? false,
    live: false,
    interrupted: options.interrupted ?? new AbortController().signal,
    cwd: options.cwd ?? tmpdir(),
    environment: options.environment ?? {},
  })
  return { code, out, err }
}
