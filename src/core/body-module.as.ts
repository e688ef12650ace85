/**
 * AssemblyScript (not TypeScript: `asc` compiles it, see test/support/body-module.ts). Works on one request's body that JavaScript has copied to
 * `body`, 64 bytes at a time: a bit mask of 64 bits for each kind of byte, as the first stage of simdjson does it
 * (https://arxiv.org/abs/1902.08318, section 3.1). It finds where events end and proves events sound; what it cannot prove it
 * marks, and JavaScript's scanner (json-scan.ts) says what is wrong, so that faults are named in one place.
 */

/** The addresses. body-memory.ts has the same ones; `asc` puts its own data (`compared`) at 1024, and the memory never grows. */
const results: usize = 16
const openBrackets: usize = 2048
const pairs: usize = 4096
const marks: usize = 36864
const frame: usize = 40960
const scratch: usize = 65536
const body: usize = 393216

const unproven: u8 = 1

/**
 * Bytes that the loop compares with. They are loaded before it, because V8 makes a constant vector anew each time it is used, out of three
 * instructions.
 */
const compared = memory.data<u8>([0x22, 0x5c, 0x20, 0x26, 0x7f, 0x0a])

/** One bit for each of 64 bytes: the highest bit of the byte. */
function bitsOf(a: v128, b: v128, c: v128, d: v128): u64 {
  const low: u32 = <u32>i8x16.bitmask(a) | ((<u32>i8x16.bitmask(b)) << 16)
  const high: u32 = <u32>i8x16.bitmask(c) | ((<u32>i8x16.bitmask(d)) << 16)
  return <u64>low | ((<u64>high) << 32)
}

function bitsOfByte(byte: v128, a: v128, b: v128, c: v128, d: v128): u64 {
  return bitsOf(i8x16.eq(a, byte), i8x16.eq(b, byte), i8x16.eq(c, byte), i8x16.eq(d, byte))
}

/** `[ ] { }`, and `Y _ y` and 0x7f too, for half the work: those stand outside strings in no JSON. */
function isBracket(v: v128, folding: v128, folded: v128): v128 {
  return i8x16.eq(v128.or(v, folding), folded)
}

/** Below 0x20 (white space too), and from 0x80 on, which are negative here. */
function isOdd(v: v128, space: v128): v128 {
  return i8x16.lt_s(v, space)
}

function isRare(v: v128, space: v128, backslash: v128): v128 {
  return v128.or(isOdd(v, space), i8x16.eq(v, backslash))
}

function isSpace(v: v128): v128 {
  return v128.or(
    v128.or(i8x16.eq(v, i8x16.splat(0x0a)), i8x16.eq(v, i8x16.splat(0x20))),
    v128.or(i8x16.eq(v, i8x16.splat(0x0d)), i8x16.eq(v, i8x16.splat(0x09))),
  )
}

/** Each bit becomes the exclusive or of itself and all lower ones: set from an opening quote up to before its closing one. */
function prefixXor(bits: u64): u64 {
  bits ^= bits << 1
  bits ^= bits << 2
  bits ^= bits << 4
  bits ^= bits << 8
  bits ^= bits << 16
  return bits ^ (bits << 32)
}

/** Bits at odd places; a run of backslashes escapes what follows when its length is odd. */
const oddBits: u64 = ((<u64>0xaaaaaaaa) << 32) | 0xaaaaaaaa

/**
 * The address after the bracket that closes the one at `from`, or 0 when the value is not proven sound: kinds of brackets, depth, no
 * odd byte and no backslash outside strings. It must end before `end`, or before the next LF when `untilLineFeed`. Up to 63 bytes
 * behind that are read.
 */
function endOfValue(from: usize, end: usize, maxDepth: u32, untilLineFeed: bool): usize {
  const quote = v128.load_splat<u8>(compared)
  const backslash = v128.load_splat<u8>(compared, 1)
  const space = v128.load_splat<u8>(compared, 2)
  const folding = v128.load_splat<u8>(compared, 3)
  const folded = v128.load_splat<u8>(compared, 4)
  let depth: u32 = 0
  /** All ones while a string is open at the end of a block. */
  let inString: u64 = 0
  /** 1 when the first byte of the next block is escaped. */
  let escaped: u64 = 0
  let block = from
  while (true) {
    const a = v128.load(block)
    const b = v128.load(block, 16)
    const c = v128.load(block, 32)
    const d = v128.load(block, 48)
    let valid: u64 = ~0
    if (!untilLineFeed && end - block < 64) valid = ((<u64>1) << (<u64>(end - block))) - 1
    let quotes = bitsOfByte(quote, a, b, c, d)
    let backslashes: u64 = 0
    let odd: u64 = 0
    // Most blocks have neither LF nor backslash nor anything odd: one test for all of it.
    const rare = v128.any_true(
      v128.or(
        v128.or(isRare(a, space, backslash), isRare(b, space, backslash)),
        v128.or(isRare(c, space, backslash), isRare(d, space, backslash)),
      ),
    )
    if (rare || escaped !== 0) {
      if (untilLineFeed) {
        const feeds = bitsOfByte(v128.load_splat<u8>(compared, 5), a, b, c, d)
        if (feeds !== 0) valid = (feeds - 1) & ~feeds
      }
      odd = bitsOf(isOdd(a, space), isOdd(b, space), isOdd(c, space), isOdd(d, space))
      odd &= valid
      if (odd !== 0) odd &= ~bitsOf(isSpace(a), isSpace(b), isSpace(c), isSpace(d))
      backslashes = bitsOfByte(backslash, a, b, c, d) & valid
      if ((backslashes | escaped) !== 0) {
        const starters = backslashes & ~escaped
        const runs = (((starters << 1) | oddBits) - starters) ^ oddBits
        quotes &= ~(runs ^ (backslashes | escaped))
        escaped = (runs & backslashes) >> 63
      }
    }
    const strings = prefixXor(quotes & valid) ^ inString
    const outside = valid & ~strings
    odd &= outside
    // A backslash escapes in strings only, and here it was taken for one everywhere.
    if ((backslashes & outside) !== 0) return 0
    let brackets =
      bitsOf(
        isBracket(a, folding, folded),
        isBracket(b, folding, folded),
        isBracket(c, folding, folded),
        isBracket(d, folding, folded),
      ) & outside
    while (brackets !== 0) {
      const bit = ctz(brackets)
      const byte = <u32>load<u8>(block + <usize>bit)
      if ((byte & 6) === 2) {
        if (depth >= maxDepth) return 0
        depth += 1
        store<u8>(openBrackets + depth, <u8>(byte + 2))
      } else {
        // Whatever is no closing bracket (see isBracket) was never put here.
        if (<u32>load<u8>(openBrackets + depth) !== byte) return 0
        depth -= 1
        if (depth === 0) return (odd & (((<u64>1) << bit) - 1)) === 0 ? block + <usize>bit + 1 : 0
      }
      brackets &= brackets - 1
    }
    if (odd !== 0 || valid !== <u64>~0) return 0
    inString = <u64>(<i64>strings >> 63)
    block += 64
  }
}

function lineFeedFrom(from: usize): usize {
  const feed = i8x16.splat(0x0a)
  let at = from
  let bits = i8x16.bitmask(i8x16.eq(v128.load(at), feed))
  while (bits === 0) {
    at += 16
    bits = i8x16.bitmask(i8x16.eq(v128.load(at), feed))
  }
  return at + <usize>ctz(bits)
}

function skipBlanks(from: usize): usize {
  let at = from
  let byte = load<u8>(at)
  while (byte === 0x20 || byte === 0x09 || byte === 0x0d) {
    at += 1
    byte = load<u8>(at)
  }
  return at
}

function skipSpace(from: usize, end: usize): usize {
  let at = from
  while (at < end) {
    const byte = load<u8>(at)
    if (byte !== 0x20 && byte !== 0x09 && byte !== 0x0d && byte !== 0x0a) return at
    at += 1
  }
  return end
}

function put(index: u32, start: usize, end: usize, mark: u8): void {
  store<u32>(pairs + (index << 3), <u32>(start - body))
  store<u32>(pairs + (index << 3), <u32>(end - body), 4)
  store<u8>(marks + index, mark)
}

/**
 * Puts the events of up to `capacity` lines from the offset `from` on, and returns how many; the first result is the offset to go on
 * from. There must be a LF at `length`. Lines as `splitLines` finds them.
 */
export function scanLines(from: u32, length: u32, maxDepth: u32, capacity: u32): u32 {
  const end = body + length
  let at = body + from
  let count: u32 = 0
  while (at < end && count < capacity) {
    const first = skipBlanks(at)
    const byte = load<u8>(first)
    if (byte === 0x0a) {
      at = first + 1
      continue
    }
    let mark = unproven
    let feed = first
    if ((byte | 0x20) === 0x7b) {
      const after = endOfValue(first, end, maxDepth, true)
      if (after !== 0) {
        feed = skipBlanks(after)
        if (load<u8>(feed) === 0x0a) mark = 0
      }
    }
    if (mark !== 0) feed = lineFeedFrom(feed)
    put(count, at, feed < end && load<u8>(feed - 1) === 0x0d ? feed - 1 : feed, mark)
    count += 1
    at = feed + 1
  }
  store<u32>(results, <u32>((at < end ? at : end) - body))
  return count
}

/**
 * Puts up to `capacity` sound elements of an array, from the first byte of one on, and returns how many. Stops at the first that is not
 * a bracket, not proven or not followed by `,` or `]`. Results: the offset of the element (or the end) to go on from, and 0; or the
 * offset of the closing bracket, and 1.
 */
export function scanElements(from: u32, length: u32, maxDepth: u32, capacity: u32): u32 {
  const end = body + length
  let at = body + from
  let count: u32 = 0
  let closed: u32 = 0
  while (count < capacity && at < end && (load<u8>(at) | 0x20) === 0x7b) {
    const after = endOfValue(at, end, maxDepth, false)
    if (after === 0) break
    const next = skipSpace(after, end)
    if (next === end) break
    const byte = load<u8>(next)
    if (byte !== 0x2c && byte !== 0x5d) break
    put(count, at, after, 0)
    count += 1
    if (byte === 0x5d) {
      at = next
      closed = 1
      break
    }
    at = skipSpace(next + 1, end)
  }
  store<u32>(results, <u32>(at - body))
  store<u32>(results, closed, 4)
  return count
}

function varintSize(value: u32): u32 {
  // Seven bits a byte, of the value doubled (zigzag).
  return <u32>((38 - clz(value | 1) + 1) / 7)
}

function putVarint(at: usize, value: u32): usize {
  let rest = value << 1
  while (rest >= 0x80) {
    store<u8>(at, <u8>(rest | 0x80))
    rest >>>= 7
    at += 1
  }
  store<u8>(at, <u8>rest)
  return at + 1
}

/** In steps of 16: up to 15 bytes too many are read and written, and what is written next covers them. */
function copyLoosely(target: usize, source: usize, size: u32): usize {
  for (let at: u32 = 0; at < size; at += 16) v128.store(target + at, v128.load(source + at))
  return target + size
}

/**
 * Writes the records (RecordBatch v2, KIP-98) of the pairs `from` to `to` to `scratch`, while they fit in `room` bytes. Returns the index
 * of the first one left; the first result is how many bytes were written. `firstRecord` is the first one's offset delta. The
 * encoded key lies in `frame`, the encoded headers behind it. Numbers are below 2^30.
 */
export function encode(
  from: u32,
  to: u32,
  firstRecord: u32,
  delta: u32,
  keyBytes: u32,
  headersBytes: u32,
  room: u32,
): u32 {
  const limit = scratch + room
  const fixed = 1 + varintSize(delta) + keyBytes + headersBytes
  let at = scratch
  let record = firstRecord
  let index = from
  for (; index < to; index += 1) {
    const start = load<u32>(pairs + (index << 3))
    const size = load<u32>(pairs + (index << 3), 4) - start
    const bytes = fixed + varintSize(record) + varintSize(size) + size
    if (at + varintSize(bytes) + bytes > limit) break
    at = putVarint(at, bytes)
    store<u8>(at, 0)
    at = putVarint(at + 1, delta)
    at = putVarint(at, record)
    at = copyLoosely(at, frame, keyBytes)
    at = putVarint(at, size)
    at = copyLoosely(at, body + start, size)
    at = copyLoosely(at, frame + keyBytes, headersBytes)
    record += 1
  }
  store<u32>(results, <u32>(at - scratch))
  return index
}
