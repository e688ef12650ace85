import { createServer } from 'node:net'

/** A port of 127.0.0.1 that nobody listened on a moment ago. */
export async function freePort(): Promise<number> {
  const [port] = await freePorts(1)
  if (port === undefined) throw new Error('the system gave no port')
  return port
}

/** `count` different ones: all are held until the last is known. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer())
  const ports = await Promise.all(
    servers.map(async (server) => {
      const listening = Promise.withResolvers<number>()
      server.once('error', listening.reject)
      server.listen(0, '127.0.0.1', () => {
        const address = server.address()
        listening.resolve(typeof address === 'object' && address !== null ? address.port : 0)
      })
      return listening.promise
    }),
  )
  await Promise.all(servers.map((server) => new Promise((closed) => server.close(closed))))
  return ports
}
