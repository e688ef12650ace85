/** Variable-length integers as records use them (Protocol Buffers base 128; signed ones zigzag). Values up to 2^31 − 1. */

/** Bytes that `value` (≥ 0) takes unsigned. */
export function unsignedVarintSize(value: number): number {
  if (value < 0x80) return 1
  if (value < 0x4000) return 2
  if (value < 0x20_0000) return 3
  if (value < 0x1000_0000) return 4
  return 5
}

/** Writes `value` (≥ 0) unsigned; returns the position after it. The caller has made room. */
export function writeUnsignedVarint(target: Buffer, position: number, value: number): number {
  let rest = value
  let at = position
  while (rest >= 0x80) {
    target[at] = (rest % 0x80) | 0x80
    rest = rest < 0x8000_0000 ? rest >>> 7 : Math.floor(rest / 0x80)
    at += 1
  }
  target[at] = rest
  return at + 1
}

/** Bytes that `value` (≥ 0) takes as a signed (zigzag) varint. */
export function varintSize(value: number): number {
  return unsignedVarintSize(value * 2)
}

/** Writes `value` (≥ 0) as a signed (zigzag) varint; returns the position after it. */
export function writeVarint(target: Buffer, position: number, value: number): number {
  return writeUnsignedVarint(target, position, value * 2)
}
