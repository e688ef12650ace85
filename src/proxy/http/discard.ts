import type { IncomingMessage } from 'node:http'
import { freeMemory } from '../../core/free-memory.ts'

/** What is read of a body that was refused, so that the client sees the answer instead of a reset. */
export const discardBytes = 64 * 1024
/** How long the connection then stays open: closing it with unread bytes in it is a reset, which overtakes the answer. */
export const discardMs = 1000

/** What is still to come of the body: nothing, no more than we would read, or perhaps more. */
export function discardWithin(request: IncomingMessage): 'nothing' | 'bounded' | 'unbounded' {
  if (request.complete || request.destroyed) return 'nothing'
  if (request.headers['transfer-encoding'] !== undefined) return 'unbounded'
  const length = Number(request.headers['content-length'] ?? 0)
  if (length === 0) return 'nothing'
  return length <= discardBytes ? 'bounded' : 'unbounded'
}

/**
 * Reads and forgets the rest of a body. `ended` is called once: `true` when it came to its end, `false` after `discardMs` when it is
 * longer or slower than that. Past `discardBytes` nothing is read any more: the client's writes stall, and it finds the answer.
 */
export function discardBody(request: IncomingMessage, ended: (whole: boolean) => void): void {
  let left = discardBytes
  const stop = (whole: boolean): void => {
    clearTimeout(timer)
    request.off('data', onData)
    request.off('end', onEnd)
    request.off('close', onEnd)
    if (!whole) request.pause()
    ended(whole)
  }
  const onData = (chunk: Buffer): void => {
    left -= chunk.length
    freeMemory(chunk)
    if (left < 0) stopReading(request)
  }
  const onEnd = (): void => stop(true)
  const timer = setTimeout(() => stop(false), discardMs)
  request.on('data', onData)
  request.on('end', onEnd)
  request.on('close', onEnd)
  request.resume()
}

/** A request that is paused goes on reading until its own queue is full; this one drains what has come already, and asks for no more. */
function stopReading(request: IncomingMessage): void {
  request._read = () => undefined
  request.socket.pause()
}
