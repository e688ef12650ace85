/** What a decoder allocates, from the first bytes of what it shall decode. */

/** Prefix codes of up to 3 × 256 block types. */
const brotliTablesBytes = 2 * 2 ** 20

/** Upper bound of a brotli decoder's memory, from the window that the stream's first byte announces (RFC 7932 §9.1). */
export function brotliBytes(raw: Buffer): number {
  // The window grows as it is needed, and the old one stands beside the new one meanwhile.
  return brotliTablesBytes + 1.5 * 2 ** brotliWindowLog(raw[0] ?? 0)
}

function brotliWindowLog(first: number): number {
  if ((first & 1) === 0) return 16
  const high = (first >> 1) & 7
  if (high !== 0) return 17 + high
  const low = (first >> 4) & 7
  return low === 0 ? 17 : 8 + low
}

/** RFC 8878 §3.1.1.1.2 asks decoders for a window of 8 MiB; a larger one is refused. */
const largestZstdLog = 23
const smallestZstdLog = 20
/** Context, tables and block buffers. */
const zstdContextBytes = 2 ** 19

/** Upper bound of a zstd decoder's memory, when it takes no window beyond `zstdWindowLog`. */
export function zstdBytes(raw: Buffer): number {
  return 2 ** zstdWindowLog(raw) + zstdContextBytes
}

/** Binary logarithm of the largest window that a body may use: that of its first frame, within 1 to 8 MiB (RFC 8878 §3.1.1.1). */
export function zstdWindowLog(raw: Buffer): number {
  const log = Math.ceil(Math.log2(Math.max(1, zstdWindowBytes(raw))))
  return Math.min(largestZstdLog, Math.max(smallestZstdLog, log))
}

function zstdWindowBytes(raw: Buffer): number {
  const descriptor = raw[4] ?? 0
  const isSingleSegment = (descriptor & 0x20) !== 0
  if (!isSingleSegment) {
    const window = raw[5] ?? 0
    const base = 2 ** (10 + (window >> 3))
    return base + (base / 8) * (window & 7)
  }
  // One segment: the window is the content, whose size stands behind the dictionary's id of 0, 1, 2 or 4 bytes.
  const idBytes = [0, 1, 2, 4][descriptor & 3] ?? 0
  const sizeBytes = [1, 2, 4, 8][descriptor >> 6] ?? 1
  let bytes = 0
  for (let at = sizeBytes - 1; at >= 0; at -= 1) bytes = bytes * 256 + (raw[5 + idBytes + at] ?? 0)
  return sizeBytes === 2 ? bytes + 256 : bytes
}
