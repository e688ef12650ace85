import type { Server } from 'node:http'
import type { Socket } from 'node:net'
import { freeAllMemory } from '../core/free-memory.ts'
import type { PacketAnswer } from './packet-answer.ts'
import { type PacketRequest, readPacketRequest } from './packet-request.ts'

export interface PacketLaneOptions {
  /**
   * The answer, now or later; then nothing uses the request's body any more. `undefined`: the server is to answer, and nothing was done.
   * Must not throw or reject: that would be a fault of ours, and ends the process.
   */
  readonly answer: (request: PacketRequest) => PacketAnswer | Promise<PacketAnswer> | undefined
  /** For the first request to begin. */
  readonly firstMs: number
  /** Between requests. */
  readonly idleMs: number
  /** Nothing came on this connection in time: answers or not, and closes it. */
  readonly onSilent: (socket: Socket) => void
}

/** A client that sends and never reads is not written to any further. */
const maxUnreadBytes = 65_536

/**
 * Answers requests that came in one packet before they become requests of Node's, which cost as much as the rest of a small one: one
 * event a request costs 0.56 × what fastify takes to read its body (it was 1.15 ×, load/RESULTS.md), the report of a proxy 173 µs (338,
 * `node load/reports/main.ts`). A connection stays in the lane while
 * it says nothing but whole plain POSTs, one after the other; with the first other packet it is the server's, for good, and loses no
 * byte. Call it before the server listens; closing the server's connections closes those of the lane too.
 */
export function addPacketLane(server: Server, options: PacketLaneOptions): void {
  const [accept, ...others] = server.listeners('connection')
  if (accept === undefined || others.length > 0)
    throw new Error('the server takes connections in another way')
  const open = new Set<LaneConnection>()
  const lane = {
    ...options,
    leave: (connection: LaneConnection) => void open.delete(connection),
    accept: (socket: Socket) => void accept.call(server, socket),
    isOver: () => !server.listening,
  }
  server.removeAllListeners('connection')
  server.on('connection', (socket: Socket) => open.add(new LaneConnection(socket, lane)))
  const closeAll = server.closeAllConnections.bind(server)
  const closeIdle = server.closeIdleConnections.bind(server)
  server.closeAllConnections = () => {
    for (const connection of open) connection.destroy()
    closeAll()
  }
  server.closeIdleConnections = () => {
    for (const connection of open) if (!connection.isWaiting) connection.destroy()
    closeIdle()
  }
}

interface Lane extends PacketLaneOptions {
  readonly leave: (connection: LaneConnection) => void
  readonly accept: (socket: Socket) => void
  readonly isOver: () => boolean
}

class LaneConnection {
  readonly #socket: Socket
  readonly #lane: Lane
  /** For an answer that comes later. */
  isWaiting = false
  #hasSpoken = false

  constructor(socket: Socket, lane: Lane) {
    this.#socket = socket
    this.#lane = lane
    socket.setTimeout(lane.firstMs)
    socket.on('data', this.#onData).on('end', this.#onEnd).on('close', this.#onClose)
    socket.on('timeout', this.#onTimeout).on('error', this.#onError)
  }

  destroy(): void {
    this.#socket.destroy()
  }

  readonly #onData = (packet: Buffer): void => {
    const request = readPacketRequest(packet)
    const answer = request === undefined ? undefined : this.#lane.answer(request)
    if (answer === undefined) {
      this.#handOver(packet)
      return
    }
    if (!this.#hasSpoken) {
      this.#hasSpoken = true
      this.#socket.setTimeout(this.#lane.idleMs)
    }
    if (answer instanceof Promise) this.#wait(answer)
    else this.#write(answer)
  }

  /** What the client sends meanwhile stays in the kernel: answers go out in the order of the requests. */
  #wait(later: Promise<PacketAnswer>): void {
    this.isWaiting = true
    this.#socket.pause()
    this.#socket.setTimeout(0)
    // It does not reject; if it did, the process would say so and end.
    void later.then((answer) => {
      this.isWaiting = false
      this.#socket.setTimeout(this.#lane.idleMs)
      this.#write(answer)
      this.#socket.resume()
    })
  }

  #write({ text, closes }: PacketAnswer): void {
    const socket = this.#socket
    if (socket.destroyed) return
    if (closes || this.#lane.isOver()) socket.end(text)
    else if (socket.writableLength > maxUnreadBytes) socket.destroy()
    else socket.write(text)
  }

  #handOver(packet: Buffer): void {
    const socket = this.#socket
    this.#lane.leave(this)
    socket.setTimeout(0)
    socket.off('data', this.#onData).off('end', this.#onEnd).off('close', this.#onClose)
    socket.off('timeout', this.#onTimeout).off('error', this.#onError)
    socket.pause()
    this.#lane.accept(socket)
    putBack(socket, packet)
  }

  readonly #onEnd = (): void => void this.#socket.end()

  readonly #onClose = (): void => this.#lane.leave(this)

  readonly #onTimeout = (): void => {
    if (this.#hasSpoken) this.#socket.destroy()
    else this.#lane.onSilent(this.#socket)
  }

  /** A broken connection has nobody who could be told. */
  readonly #onError = (): void => void this.#socket.destroy()
}

/**
 * Node's parser reads what is put back in the next tick and copies what it keeps of a body (`node_http_parser.cc`, on_body), so the
 * packet's memory can go right then, before the next connection's is read. Left to the garbage collector it would stand, uncounted,
 * until 64 MiB of such had gathered.
 */
function putBack(socket: Socket, packet: Buffer): void {
  socket.unshift(packet)
  socket.resume()
  process.nextTick(() => {
    if (socket.readableLength === 0) freeAllMemory(packet)
  })
}
