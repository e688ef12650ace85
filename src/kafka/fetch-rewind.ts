import type { LogPosition } from './offsets.ts'

/**
 * Where to go on after the leader's log left what was read (KIP-595): at the offset up to which both agree, but never beyond what was
 * delivered, because what was read and not delivered is thrown away. `delivered` is at or before what was read.
 */
export function rewindTo(
  diverging: { readonly epoch: number; readonly endOffset: number },
  read: LogPosition,
  delivered: LogPosition,
): LogPosition {
  const offset = Math.min(diverging.endOffset, read.offset)
  return delivered.offset <= offset ? delivered : { offset, leaderEpoch: diverging.epoch }
}
