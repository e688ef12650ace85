import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { ClusterSet, isSharedCluster } from './cluster-set.ts'
import { faultMethods, type OwnedFaultCluster, startFaultCluster } from './fault-brokers.ts'

/**
 * A server through which other processes use the cluster; also answers what `TEST_KAFKA_CLUSTERS` is asked for: `fronting` is the cluster
 * that rows break, the others are healthy ones beside it, started when a row first asks.
 */
export async function serveFaultCluster(): Promise<{ url: string; close(): Promise<void> }> {
  const hooks: (() => Promise<void> | void)[] = []
  let starting: Promise<OwnedFaultCluster> | undefined
  const cluster = () => {
    starting ??= startFaultCluster({ after: (hook) => void hooks.push(hook) })
    return starting
  }
  let beside: ClusterSet | undefined
  process.once('exit', () => beside?.killNow())
  const server: Server = createServer(async (request, response) => {
    try {
      const parts: Buffer[] = []
      for await (const part of request) parts.push(part as Buffer)
      const name = request.url?.slice(1) ?? ''
      if (request.method === 'GET' && name !== 'fronting') {
        if (!isSharedCluster(name)) throw new Error(`there is no cluster ${name}`)
        beside ??= new ClusterSet()
        response.end(JSON.stringify(await beside.get(name)))
        return
      }
      const owned = await cluster()
      if (request.method === 'POST') {
        const [method, ...args] = JSON.parse(Buffer.concat(parts).toString()) as [string, ...unknown[]]
        const known = faultMethods.find((one) => one === method)
        if (known === undefined) throw new Error(`no method ${method}`)
        await (owned[known] as (...given: unknown[]) => Promise<void>).apply(owned, args)
      }
      response.end(JSON.stringify(owned.address))
    } catch (error) {
      response.writeHead(500).end((error as Error).stack)
    }
  })
  const { promise, resolve } = Promise.withResolvers<void>()
  server.listen(0, '127.0.0.1', resolve)
  await promise
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: async () => {
      server.close()
      server.closeAllConnections()
      for (const hook of hooks.reverse()) await hook()
      await beside?.stop()
    },
  }
}
