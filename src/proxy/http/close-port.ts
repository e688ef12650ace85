import { Server } from 'node:net'
import { setImmediate as nextTurn } from 'node:timers/promises'

const quickTurnMs = 0.3
const mostTurns = 200

/**
 * Stops listening; open connections stay. The kernel resets connections that it has made and nobody has accepted yet, so this waits
 * for a turn of the event loop that was short: right after it next to nothing can be waiting. Goes past Node's HTTP server, which
 * would close idle connections along with the port, under a client that is just about to ask.
 */
export async function closePort(server: Server): Promise<void> {
  for (let turn = 0; turn < mostTurns; turn += 1) {
    const startedMs = performance.now()
    await nextTurn()
    if (performance.now() - startedMs < quickTurnMs) break
  }
  Server.prototype.close.call(server)
}
