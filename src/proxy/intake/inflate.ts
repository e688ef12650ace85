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
import type { ContentEncoding } from './framing.ts'

export type Inflater = Gunzip | Inflate | BrotliDecompress | ZstdDecompress

/** RFC 8878 §3.1.1.1.2 asks decoders for a window of 8 MiB; a larger one would be memory that nobody reserved. */
const zstdWindowLog = 23

/** Inflates one body. `deflate` is the zlib format (RFC 9110 §8.4.1.2). */
export function createInflater(encoding: Exclude<ContentEncoding, 'identity'>): Inflater {
  switch (encoding) {
    case 'gzip':
      return createGunzip()
    case 'deflate':
      return createInflate()
    case 'br':
      return createBrotliDecompress()
    case 'zstd':
      return createZstdDecompress({ params: { [constants.ZSTD_d_windowLogMax]: zstdWindowLog } })
  }
}
