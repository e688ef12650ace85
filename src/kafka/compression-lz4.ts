import { uncompressSync } from 'lz4-napi'

/**
 * LZ4 frames, read block by block (LZ4 Frame Format 1.6): the library's own frame reader inflates whatever comes, and here the output
 * must be bounded. The checksums are not looked at, because the CRC of the record batch covers the frame.
 */

const magic = 0x184d2204
const endMark = 0
const uncompressedFlag = 0x8000_0000
const historyBytes = 64 * 1024

interface FrameHeader {
  readonly linkedBlocks: boolean
  readonly blockChecksumBytes: number
  readonly maxBlockBytes: number
  readonly end: number
}

function readHeader(frame: Buffer): FrameHeader {
  if (frame.readUInt32LE(0) !== magic) throw new RangeError('not an lz4 frame')
  const flags = frame.readUInt8(4)
  if (flags >> 6 !== 1) throw new RangeError(`lz4 frame version ${flags >> 6}`)
  if ((flags & 0x01) !== 0) throw new RangeError('an lz4 frame with a dictionary')
  const size = (frame.readUInt8(5) >> 4) & 0x07
  if (size < 4) throw new RangeError(`lz4 block size code ${size}`)
  return {
    linkedBlocks: (flags & 0x20) === 0,
    blockChecksumBytes: (flags & 0x10) === 0 ? 0 : 4,
    maxBlockBytes: 2 ** (8 + 2 * size),
    end: 6 + ((flags & 0x08) === 0 ? 0 : 8) + 1,
  }
}

/** At most `maxBytes`; throws RangeError on anything that is not a whole frame. Nothing larger than one block is allocated beyond them. */
export function decompressLz4Frame(frame: Buffer, maxBytes: number): Buffer {
  const header = readHeader(frame)
  const parts: Buffer[] = []
  let total = 0
  let at = header.end
  for (;;) {
    const word = frame.readUInt32LE(at)
    at += 4
    if (word === endMark) break
    const length = word % uncompressedFlag
    if (length > frame.length - at) throw new RangeError(`a block of ${length} bytes in ${frame.length - at}`)
    const block = frame.subarray(at, at + length)
    const part =
      word >= uncompressedFlag
        ? block
        : decompressBlock(block, header.maxBlockBytes, header.linkedBlocks ? lastBytes(parts) : undefined)
    total += part.length
    if (total > maxBytes) throw new RangeError(`more than ${maxBytes} bytes`)
    parts.push(part)
    at += length + header.blockChecksumBytes
  }
  return parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts, total)
}

/** The library takes a block with the room that it may need in front (u32, little endian). */
function decompressBlock(block: Buffer, maxBlockBytes: number, history: Buffer | undefined): Buffer {
  // One byte of lz4 yields at most 255, so a small block gets no large buffer.
  const room = Math.min(maxBlockBytes, block.length * 255)
  const sized = Buffer.allocUnsafe(4 + block.length)
  sized.writeUInt32LE(room, 0)
  block.copy(sized, 4)
  return uncompressSync(sized, history)
}

function lastBytes(parts: readonly Buffer[]): Buffer | undefined {
  if (parts.length === 0) return undefined
  const last: Buffer[] = []
  let total = 0
  for (let index = parts.length - 1; index >= 0 && total < historyBytes; index -= 1) {
    const part = parts[index] as Buffer
    last.unshift(part)
    total += part.length
  }
  const joined = Buffer.concat(last, total)
  return joined.subarray(Math.max(0, joined.length - historyBytes))
}
