import type { IncomingHttpHeaders } from 'node:http'
import { Problem } from '../../core/problems.ts'

/** `identity` = the bytes are as they came. */
export type ContentEncoding = 'identity' | 'gzip' | 'deflate' | 'br' | 'zstd'

/** How the body comes over the wire, from the headers alone. */
export interface Framing {
  readonly encoding: ContentEncoding
  /** Content-Length, before inflating; `undefined` when the body is chunked. */
  readonly lengthBytes: number | undefined
}

const encodings: Readonly<Record<string, ContentEncoding>> = {
  identity: 'identity',
  gzip: 'gzip',
  'x-gzip': 'gzip',
  deflate: 'deflate',
  br: 'br',
  zstd: 'zstd',
}

/** Throws 415 for an unknown or second Content-Encoding, 400 for a Transfer-Encoding other than chunked. */
export function readFraming(headers: IncomingHttpHeaders): Framing {
  const transfer = headers['transfer-encoding']
  if (transfer !== undefined && transfer.trim().toLowerCase() !== 'chunked') {
    throw new Problem('malformed-request', `Transfer-Encoding "${transfer.slice(0, 100)}" is not chunked.`)
  }
  return {
    encoding: readEncoding(headers['content-encoding']),
    lengthBytes: transfer === undefined ? Number(headers['content-length'] ?? 0) : undefined,
  }
}

function readEncoding(header: string | undefined): ContentEncoding {
  if (header === undefined) return 'identity'
  const name = header.trim().toLowerCase()
  const encoding = Object.hasOwn(encodings, name) ? encodings[name] : undefined
  if (encoding !== undefined) return encoding
  throw new Problem(
    'unsupported-encoding',
    `Content-Encoding "${header.slice(0, 100)}": one of gzip, deflate, br, zstd, and one only.`,
  )
}
