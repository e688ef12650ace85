import { Server } from 'node:net'
import { setTimeout as delay, setImmediate as nextTurn } from 'node:timers/promises'

/** No new connection for so long: those who balance over several proxies have seen that this one leaves. */
const quietMs = 50
/** Whoever goes on connecting does not keep the port open for longer. */
const longestWaitMs = 1000
const lookEveryMs = 10
const quickTurnMs = 0.3
const mostTurns = 200

/**
 * Stops listening; open connections stay. The kernel resets connections that it has made and nobody has accepted yet, and gives no way to
 * refuse new ones before: so this goes on accepting until nobody has connected for a moment, and then waits for a turn of the event loop
 * that was short, right after which next to nothing can be waiting. `hurry` ends the first wait. Goes past Node's HTTP server, which
 * would close idle connections along with the port, under a client that is just about to ask.
 */
export async function closePort(server: Server, hurry: Promise<unknown>): Promise<void> {
  const over = new AbortController()
  await Promise.race([quiet(server, over.signal), hurry])
  over.abort()
  for (let turn = 0; turn < mostTurns; turn += 1) {
    const startedMs = performance.now()
    await nextTurn()
    if (performance.now() - startedMs < quickTurnMs) break
  }
  Server.prototype.close.call(server)
}

async function quiet(server: Server, over: AbortSignal): Promise<void> {
  const startedMs = performance.now()
  let lastMs = startedMs
  const onConnection = (): void => {
    lastMs = performance.now()
  }
  server.on('connection', onConnection)
  while (!over.aborted) {
    await delay(lookEveryMs)
    // After the wait connections were accepted before timers run again, so what came meanwhile is known.
    await nextTurn()
    const nowMs = performance.now()
    if (nowMs - lastMs >= quietMs || nowMs - startedMs >= longestWaitMs) break
  }
  server.off('connection', onConnection)
}
