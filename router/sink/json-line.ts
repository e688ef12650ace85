import { isUtf8 } from 'node:buffer'
import { grammarFault } from '../../src/core/json-grammar.ts'
import { deepestNesting } from '../../src/core/json-scan.ts'

const newline = 0x0a
const openBytes = Buffer.from('{"_b64":"')
const closeBytes = Buffer.from('"}\n')
const nullBytes = Buffer.from('{"_b64":null}\n')
const newlineBytes = Buffer.from('\n')

/**
 * Appends the line (or its parts) of one record value to `parts` and returns its bytes: a JSON value on one line as it is, byte for
 * byte; anything else as `{"_b64":"…"}`, and a null value as `{"_b64":null}` (semantics "Router"). JSON nested deeper than 1024 counts
 * as anything else.
 */
export function appendLine(parts: Buffer[], value: Buffer | undefined): number {
  if (value === undefined) {
    parts.push(nullBytes)
    return nullBytes.length
  }
  if (isJsonLine(value)) {
    parts.push(value, newlineBytes)
    return value.length + 1
  }
  const encoded = Buffer.from(value.toString('base64'), 'latin1')
  parts.push(openBytes, encoded, closeBytes)
  return openBytes.length + encoded.length + closeBytes.length
}

/** One JSON text (RFC 8259, valid UTF-8, no byte order mark) without a raw line break. */
export function isJsonLine(value: Buffer): boolean {
  return (
    !value.includes(newline) && isUtf8(value) && grammarFault(value, 0, value.length, deepestNesting) === -1
  )
}
