import type { CompressionName } from '../core/placement.ts'
import { codecId, compress } from './compression.ts'
import { batchHeaderBytes, withCompressedPayload } from './record-batch-builder.ts'

/** The same batch with its records compressed; as it was when that does not make it smaller. Does not touch `plain`. */
export async function compressBatch(plain: Buffer, codec: CompressionName): Promise<Buffer> {
  const payload = await compress(codec, plain.subarray(batchHeaderBytes))
  return payload.length + batchHeaderBytes < plain.length
    ? withCompressedPayload(plain, payload, codecId(codec))
    : plain
}
