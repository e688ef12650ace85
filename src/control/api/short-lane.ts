import type { Server } from 'node:http'
import type { Socket } from 'node:net'
import { readShortRequest, type ShortRequest } from './short-request.ts'

export interface ShortLaneOptions {
  /** The whole answer, head and body; `undefined`: the server is to answer. */
  readonly answer: (request: ShortRequest) => string | undefined
  /** A connection that says nothing for so long is closed, as the server does. */
  readonly idleMs: number
}

/** A client that sends and never reads is not written to any further. */
const maxUnreadBytes = 65_536

/**
 * Answers the reports of proxies before they become requests of Node's and fastify's: at a few hundred a second, each on a connection of
 * its own, those cost 340 µs of CPU a report, and 180 with nothing behind them (load/reports/main.ts; load/RESULTS.md). A connection
 * stays here while it says nothing but such reports, each in one packet; with the first other byte it is the server's, for good.
 * Call it before the server listens. Returns what closes the connections that are here.
 */
export function addShortLane(server: Server, { answer, idleMs }: ShortLaneOptions): () => void {
  const [accept, ...others] = server.listeners('connection')
  if (accept === undefined || others.length > 0)
    throw new Error('the server takes connections in another way')
  server.removeAllListeners('connection')
  const here = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    const end = () => void socket.end()
    const destroy = () => void socket.destroy()
    const leave = () => {
      here.delete(socket)
      socket.setTimeout(0)
      socket.off('data', onData).off('end', end).off('close', leave)
      socket.off('timeout', destroy).off('error', destroy)
    }
    const onData = (packet: Buffer) => {
      const request = readShortRequest(packet)
      const text = request === undefined ? undefined : answer(request)
      if (text === undefined) {
        leave()
        handOver(packet)
      } else if (socket.writableLength > maxUnreadBytes) socket.destroy()
      else socket.write(text, 'latin1')
    }
    const handOver = (packet: Buffer) => {
      socket.pause()
      accept.call(server, socket)
      socket.unshift(packet)
      socket.resume()
    }
    here.add(socket)
    socket.setTimeout(idleMs)
    socket.on('data', onData).on('end', end).on('close', leave)
    // A broken connection has nobody who could be told.
    socket.on('timeout', destroy).on('error', destroy)
  })
  return () => {
    for (const socket of here) socket.destroy()
  }
}
