import { promisify } from 'node:util'
import { gunzip, gzip, zstdCompress, zstdDecompress } from 'node:zlib'
import type { CompressionName } from '../core/placement.ts'

/** By the number in the lowest three attribute bits of a batch (KIP-98, KIP-110). */
const names: readonly CompressionName[] = ['none', 'gzip', 'snappy', 'lz4', 'zstd']

const gzipAsync = promisify(gzip)
const gunzipAsync = promisify(gunzip)
const zstdAsync = promisify(zstdCompress)
const unzstdAsync = promisify(zstdDecompress)

/** These two codecs are native libraries, 3 MiB of memory each: loaded by the first batch that needs them. */
const loadSnappy = () => import('./compression-snappy.ts')

/** A payload does not decompress, or would grow past the bound that the caller set. */
export class CompressionError extends Error {
  override readonly name = 'CompressionError'
}

/** The number that a batch's attributes carry for it. */
export function codecId(name: CompressionName): number {
  return names.indexOf(name)
}

/** The other way round; throws `CompressionError` for a number that Kafka has not given out. */
export function codecName(id: number): CompressionName {
  const name = names[id]
  if (name === undefined) throw new CompressionError(`${id} is not a compression codec`)
  return name
}

/**
 * Compresses the records of a batch (what follows its 61 byte header) as Kafka's Java client reads them: snappy in xerial framing, lz4
 * as a frame of independent blocks. The work is done off the event loop. `none` gives `payload` itself.
 */
export async function compress(codec: CompressionName, payload: Buffer): Promise<Buffer> {
  switch (codec) {
    case 'none':
      return payload
    case 'gzip':
      return gzipAsync(payload)
    case 'snappy': {
      const [{ compress: snappy }, { frameXerial }] = await Promise.all([import('snappy'), loadSnappy()])
      return frameXerial(payload, (part) => snappy(part))
    }
    case 'lz4':
      return (await import('lz4-napi')).compressFrame(payload)
    case 'zstd':
      return zstdAsync(payload)
  }
}

/**
 * The records of a batch as they were before compression, at most `maxBytes` of them: a bomb rejects with `CompressionError` without
 * having been inflated any further. `none` gives `payload` itself. Reads xerial and raw snappy, because librdkafka writes the latter.
 */
export async function decompress(codec: CompressionName, payload: Buffer, maxBytes: number): Promise<Buffer> {
  try {
    switch (codec) {
      case 'none':
        return payload
      case 'gzip':
        return await gunzipAsync(payload, { maxOutputLength: Math.max(1, maxBytes) })
      case 'snappy':
        return (await loadSnappy()).decompressSnappy(payload, maxBytes)
      case 'lz4':
        return (await import('./compression-lz4.ts')).decompressLz4Frame(payload, maxBytes)
      case 'zstd':
        return await unzstdAsync(payload, { maxOutputLength: Math.max(1, maxBytes) })
    }
  } catch (error) {
    throw new CompressionError(`${codec}: ${payload.length} bytes do not decompress into ${maxBytes}`, {
      cause: error,
    })
  }
}
