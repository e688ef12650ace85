/** Smaller memory is not worth the call. */
const leastFreedBytes = 4096

/**
 * Frees a body's bytes there and then, when `buffer` is all of its memory; what is only a part is left alone. For whoever is the last to
 * look at them: afterwards the buffer is empty. Without it they stand, uncounted, until the garbage collector comes, and it comes when 64
 * MiB have gathered. It costs less than collecting them.
 */
export function freeMemory(buffer: Buffer): void {
  if (buffer.length === buffer.buffer.byteLength) freeAllMemory(buffer)
}

/** The same when nobody else uses any part of the memory, of which `buffer` may be a part. */
export function freeAllMemory({ buffer: memory }: Buffer): void {
  if (memory.byteLength < leastFreedBytes || !(memory instanceof ArrayBuffer)) return
  try {
    // A detached `ArrayBuffer` has given its bytes back.
    memory.transfer(0)
  } catch (error) {
    // Node's own pool of small buffers cannot be detached, and need not be.
    if (!(error instanceof TypeError)) throw error
  }
}
