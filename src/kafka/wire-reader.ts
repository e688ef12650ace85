/** What a broker sent does not parse: the connection cannot be trusted any more. */
export class WireError extends Error {
  override readonly name = 'WireError'
}

/**
 * Reads the primitive types of the Kafka protocol (KIP-482 compact and tagged forms) from one buffer. Bounds are checked by Buffer
 * itself (RangeError) and for lengths here, so hostile lengths cannot read or allocate beyond the buffer.
 */
export class WireReader {
  readonly buffer: Buffer
  position: number

  constructor(buffer: Buffer, position = 0) {
    this.buffer = buffer
    this.position = position
  }

  get remaining(): number {
    return this.buffer.length - this.position
  }

  int8(): number {
    const value = this.buffer.readInt8(this.position)
    this.position += 1
    return value
  }

  int16(): number {
    const value = this.buffer.readInt16BE(this.position)
    this.position += 2
    return value
  }

  int32(): number {
    const value = this.buffer.readInt32BE(this.position)
    this.position += 4
    return value
  }

  int64(): bigint {
    const value = this.buffer.readBigInt64BE(this.position)
    this.position += 8
    return value
  }

  unsignedVarint(): number {
    let value = 0
    for (let shift = 0; shift <= 28; shift += 7) {
      const byte = this.buffer.readUInt8(this.position)
      this.position += 1
      value += (byte & 0x7f) * 2 ** shift
      if (byte < 0x80) return value
    }
    throw new WireError('a varint is longer than five bytes')
  }

  /** A slice of the underlying buffer, not a copy. */
  slice(length: number): Buffer {
    if (length < 0 || length > this.remaining) {
      throw new WireError(`${length} bytes wanted, ${this.remaining} left`)
    }
    const slice = this.buffer.subarray(this.position, this.position + length)
    this.position += length
    return slice
  }

  compactString(): string {
    const text = this.compactNullableString()
    if (text === null) throw new WireError('a string is null that must not be')
    return text
  }

  compactNullableString(): string | null {
    const length = this.unsignedVarint()
    return length === 0 ? null : this.slice(length - 1).toString('utf8')
  }

  /** A slice of the underlying buffer, not a copy; `null` is a null field. */
  compactNullableBytes(): Buffer | null {
    const length = this.unsignedVarint()
    return length === 0 ? null : this.slice(length - 1)
  }

  /** Number of elements that follow; a null array counts as empty. Bounded by the bytes that are left. */
  compactArrayLength(): number {
    const length = this.unsignedVarint()
    if (length - 1 > this.remaining)
      throw new WireError(`an array of ${length - 1} elements in ${this.remaining} bytes`)
    return Math.max(0, length - 1)
  }

  uuid(): string {
    const hex = this.slice(16).toString('hex')
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
  }

  /** Tagged fields that we do not know are skipped; `visit` may read those it knows from the slice it gets. */
  taggedFields(visit?: (tag: number, field: WireReader) => void): void {
    const count = this.unsignedVarint()
    for (let index = 0; index < count; index += 1) {
      const tag = this.unsignedVarint()
      const field = this.slice(this.unsignedVarint())
      visit?.(tag, new WireReader(field))
    }
  }
}
