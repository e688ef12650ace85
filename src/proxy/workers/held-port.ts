import { once } from 'node:events'
import { type AddressInfo, createServer, type Server } from 'node:net'

/**
 * The port of the workers before the first of them has opened it. They listen with SO_REUSEPORT, which would let a second proxy of
 * the same user share the port without a word; so it is first asked for without it, and then kept. Connections are reset meanwhile.
 */
export class HeldPort {
  readonly #server: Server

  private constructor(server: Server) {
    this.#server = server
  }

  /** Rejects as `listen` does, for a port that somebody else has. */
  static async take(host: string, port: number): Promise<HeldPort> {
    const alone = await listen({ host, port })
    const { port: free } = alone.address() as AddressInfo
    alone.close()
    await once(alone, 'close')
    return new HeldPort(await listen({ host, port: free, reusePort: true }))
  }

  /** The one that is held, also when 0 was asked for. Not to be asked after `release`. */
  get number(): number {
    return (this.#server.address() as AddressInfo).port
  }

  release(): void {
    this.#server.close()
  }
}

async function listen(options: { host: string; port: number; reusePort?: boolean }): Promise<Server> {
  const server = createServer((socket) => socket.destroy())
  server.listen(options)
  await once(server, 'listening')
  return server
}
