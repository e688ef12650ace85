import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'
import type { Address } from '../../../../load/generator/http-connection.ts'
import { Arrivals } from '../../../../load/verify/arrivals.ts'

/** An HTTP server of this test on a port of its own, gone afterwards. */
export async function serve(t: TestContext, listener: RequestListener): Promise<Address> {
  const server = createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    server.close()
    server.closeAllConnections()
  })
  return { host: '127.0.0.1', port: (server.address() as AddressInfo).port }
}

/** Answers as Forebay does and keeps count of what came; `statusOf` decides by the number of the request. */
export function countingServer(total: number, statusOf: (request: number) => number) {
  const arrivals = new Arrivals('r', total)
  const seen = { requests: 0, sockets: new Set<unknown>(), arrivals }
  const listener: RequestListener = (request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      seen.requests += 1
      seen.sockets.add(request.socket)
      const status = statusOf(seen.requests)
      const lines = Buffer.concat(chunks).toString().trim().split('\n')
      if (status < 300) for (const line of lines) arrivals.add(Buffer.from(line))
      const body = status < 300 ? `{"accepted":${lines.length}}` : '{}'
      response.writeHead(status, { 'content-length': body.length }).end(body)
    })
  }
  return { seen, listener }
}
