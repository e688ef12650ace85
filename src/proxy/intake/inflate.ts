import {
  type BrotliDecompress,
  constants,
  createBrotliDecompress,
  createGunzip,
  createInflate,
  createZstdDecompress,
  type Gunzip,
  type Inflate,
  type ZstdDecompress,
} from 'node:zlib'
import { Problem } from '../../core/problems.ts'
import { brotliBytes, zstdBytes, zstdWindowLog } from './decoder-window.ts'
import type { ContentEncoding } from './framing.ts'
import { InflateTurns } from './inflate-turns.ts'
import { type Staging, stepBytes } from './staging.ts'

type Encoding = Exclude<ContentEncoding, 'identity'>
type Inflater = Gunzip | Inflate | BrotliDecompress | ZstdDecompress

/**
 * Memory of all decoders together: part of the fixed memory of a process, not of the cap. What needs more, as the largest windows of
 * brotli do, has its turn alone.
 */
const turns = new InflateTurns(8 * 2 ** 20)

/**
 * Inflates a whole body into `staging`, in its turn. Rejects with 400 for what is no whole stream, 429 when too many wait already, or
 * what `Staging.add` throws, which ends the work there.
 */
export async function inflate(raw: Buffer, encoding: Encoding, staging: Staging): Promise<void> {
  const bytes = decoderBytes(encoding, raw)
  await turns.take(bytes)
  try {
    await run(raw, encoding, createInflater(encoding, raw), staging)
  } finally {
    turns.give(bytes)
  }
}

function run(raw: Buffer, encoding: Encoding, inflater: Inflater, staging: Staging): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (error: unknown): void => {
      inflater.destroy()
      reject(error)
    }
    inflater.on('data', (chunk: Buffer) => {
      try {
        staging.add(chunk)
      } catch (error) {
        inflater.removeAllListeners('data')
        fail(error)
      }
    })
    inflater.on('end', () => {
      if (inflater.bytesWritten === raw.length) resolve()
      else fail(new Problem('invalid-body', `There are bytes after the end of the ${encoding} stream.`))
    })
    inflater.on('error', (cause) => {
      const detail = `The body is not a whole ${encoding} stream: ${cause.message}.`
      fail(new Problem('invalid-body', detail, { cause }))
    })
    inflater.end(raw)
  })
}

/** `deflate` is the zlib format (RFC 9110 §8.4.1.2). */
function createInflater(encoding: Encoding, raw: Buffer): Inflater {
  const chunkSize = stepBytes
  switch (encoding) {
    case 'gzip':
      return createGunzip({ chunkSize })
    case 'deflate':
      return createInflate({ chunkSize })
    case 'br':
      return createBrotliDecompress({ chunkSize })
    case 'zstd':
      return createZstdDecompress({
        chunkSize,
        // Of the frames of a body the first decides, so that a later one cannot take more than was reckoned with.
        params: { [constants.ZSTD_d_windowLogMax]: zstdWindowLog(raw) },
      })
  }
}

/** Upper bound of what the decoder allocates, the chunk that it writes to included. */
function decoderBytes(encoding: Encoding, raw: Buffer): number {
  switch (encoding) {
    case 'gzip':
    case 'deflate':
      return 2 * stepBytes
    case 'br':
      return brotliBytes(raw)
    case 'zstd':
      return zstdBytes(raw)
  }
}
