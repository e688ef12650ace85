import { uncompressSync } from 'snappy'

/** What snappy-java writes first: magic, version 1, compatible with 1. */
const xerialHeader = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0, 0, 0, 0, 1, 0, 0, 0, 1])
const magicBytes = 8

/** Large enough to compress well, small enough that a reader's buffer for one block stays small (snappy-java itself uses 32 KiB). */
const blockBytes = 64 * 1024

/** Kafka's Java client reads snappy in xerial framing only: [length, raw snappy] blocks after a header. */
export async function frameXerial(
  payload: Buffer,
  compress: (part: Buffer) => Promise<Buffer>,
): Promise<Buffer> {
  const parts: Buffer[] = [xerialHeader]
  for (let from = 0; from < payload.length; from += blockBytes) {
    const block = await compress(payload.subarray(from, from + blockBytes))
    const length = Buffer.allocUnsafe(4)
    length.writeUInt32BE(block.length)
    parts.push(length, block)
  }
  return Buffer.concat(parts)
}

/** Xerial blocks or one raw block. Each block says how long it will be: that is checked before anything is allocated. */
export function decompressSnappy(payload: Buffer, maxBytes: number): Buffer {
  if (!payload.subarray(0, magicBytes).equals(xerialHeader.subarray(0, magicBytes))) {
    return decompressBlock(payload, maxBytes)
  }
  const parts: Buffer[] = []
  let total = 0
  let at = xerialHeader.length
  while (at < payload.length) {
    const length = payload.readUInt32BE(at)
    at += 4
    if (length > payload.length - at)
      throw new RangeError(`a block of ${length} bytes in ${payload.length - at}`)
    const part = decompressBlock(payload.subarray(at, at + length), maxBytes - total)
    parts.push(part)
    total += part.length
    at += length
  }
  return parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts, total)
}

function decompressBlock(block: Buffer, maxBytes: number): Buffer {
  const announced = announcedLength(block)
  if (announced > maxBytes) throw new RangeError(`a block announces ${announced} bytes, ${maxBytes} allowed`)
  return uncompressSync(block, { asBuffer: true }) as Buffer
}

/** The unsigned varint at the start of a raw snappy block. */
function announcedLength(block: Buffer): number {
  let value = 0
  for (let index = 0; index < 5; index += 1) {
    const byte = block.readUInt8(index)
    value += (byte & 0x7f) * 2 ** (7 * index)
    if (byte < 0x80) return value
  }
  throw new RangeError('a block announces no length')
}
