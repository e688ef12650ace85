import { moduleBytes } from './body-module.ts'
import type { EventBounds } from './event-bounds.ts'

/** Bodies up to this size are held; JavaScript does the work for larger ones. It and the rest of the module's memory belong to the fixed part of a process's memory. */
export const heldBodyBytes = 2 * 2 ** 20

/** The addresses, the same as in body-module.as.ts. */
const resultsAt = 16
const pairsAt = 4096
const marksAt = 36_864
const frameAt = 40_960
const scratchAt = 65_536
const bodyAt = 393_216

/** Events that `pairs` has room for. */
const pairsCapacity = 4096
/** Bytes of key and headers together. */
const frameCapacity = 16_384
/** Bytes of records that are encoded at once: small enough to stay in a processor's second cache. */
const scratchCapacity = 262_144
/** What the module reads beyond a body is white space and ends the last line. */
const padBytes = 64

/** What `body-module.as.ts` exports. */
interface ModuleExports {
  readonly memory: { readonly buffer: ArrayBuffer }
  scanLines(from: number, length: number, maxDepth: number, capacity: number): number
  scanElements(from: number, length: number, maxDepth: number, capacity: number): number
  encode(
    from: number,
    to: number,
    firstRecord: number,
    delta: number,
    keyBytes: number,
    headersBytes: number,
    room: number,
  ): number
}

/** The part of the WebAssembly interface that is used here; Node's types leave it to those of browsers. */
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => object
  readonly Instance: new (module: object) => { readonly exports: unknown }
}

/** Where the next record of an open batch stands and what all records of a request share. */
export interface EncodingStart {
  /** Offset delta of the first record. */
  readonly records: number
  /** Timestamp delta in milliseconds. */
  readonly delta: number
  /** Encoded key and headers, ready to copy. */
  readonly key: Uint8Array
  readonly headers: Uint8Array
}

/**
 * A body in the memory of a WebAssembly module that looks at 64 bytes at once (body-module.as.ts): one at a time, because whoever
 * loads it never waits until it is done. Keeps a reference to the body until `forget`.
 *
 * Per event of 300 bytes, NDJSON × 100, 64 bodies in turn, best of 300 rounds on a busy 2.5 GHz core: split and check 0.13 µs instead of
 * 0.62, with encoding 0.20 instead of 0.86 (4.3 ×). `node load/bench/main.ts --scenario ndjson --saturated` has the whole proxy.
 */
export class BodyMemory {
  readonly #module: ModuleExports
  readonly #bytes: Uint8Array
  readonly #body: Uint8Array
  readonly #results: Int32Array
  readonly #pairs: Int32Array
  readonly #marks: Int8Array
  readonly #frame: Uint8Array
  #held: Uint8Array | undefined

  /** Throws where WebAssembly SIMD is missing or forbidden. */
  constructor() {
    const bytes = Buffer.from(moduleBytes, 'base64')
    this.#module = new WebAssembly.Instance(new WebAssembly.Module(bytes)).exports as ModuleExports
    const { buffer } = this.#module.memory
    this.#bytes = new Uint8Array(buffer)
    this.#body = new Uint8Array(buffer, bodyAt, heldBodyBytes + padBytes)
    this.#results = new Int32Array(buffer, resultsAt, 2)
    this.#pairs = new Int32Array(buffer, pairsAt, 2 * pairsCapacity)
    this.#marks = new Int8Array(buffer, marksAt, pairsCapacity)
    this.#frame = new Uint8Array(buffer, frameAt, frameCapacity)
  }

  /** Copies a body into the module's memory. False when it is too large; then nothing is held. */
  load(body: Uint8Array): boolean {
    this.#held = undefined
    if (body.length > heldBodyBytes) return false
    this.#body.set(body)
    this.#body.fill(lineFeed, body.length, body.length + padBytes)
    this.#held = body
    return true
  }

  /** Whether this very body was loaded last and not forgotten. It must not have changed since. */
  holds(body: Uint8Array): boolean {
    return this.#held === body
  }

  forget(): void {
    this.#held = undefined
  }

  /**
   * Adds the lines of the loaded body as `splitLines` does, each with 0 or `unjudged`, while there are no more than `maxEvents`. Returns
   * the offset of what is left, which is the body's length when all is done.
   */
  scanLines(maxDepth: number, maxEvents: number, bounds: EventBounds): number {
    const length = this.#held?.length ?? 0
    bounds.scanned = true
    let at = 0
    while (at < length && bounds.count < maxEvents) {
      const capacity = Math.min(pairsCapacity, maxEvents - bounds.count)
      const found = this.#module.scanLines(at, length, maxDepth, capacity)
      bounds.addMany(this.#pairs, this.#marks, found)
      at = this.#results[0] as number
    }
    return at
  }

  /**
   * Adds sound elements of an array, `from` the first byte of one; stops at the first that is not a bracket or not proven sound.
   * Returns where to go on, and whether that is the bracket that closes the array; otherwise it is where an element begins.
   */
  scanElements(
    from: number,
    maxDepth: number,
    maxEvents: number,
    bounds: EventBounds,
  ): { readonly at: number; readonly closed: boolean } {
    const length = this.#held?.length ?? 0
    let at = from
    for (;;) {
      const capacity = Math.min(pairsCapacity, maxEvents - bounds.count)
      const found = this.#module.scanElements(at, length, maxDepth, capacity)
      bounds.addMany(this.#pairs, this.#marks, found)
      at = this.#results[0] as number
      const closed = this.#results[1] === 1
      if (closed || found < pairsCapacity) return { at, closed }
    }
  }

  /**
   * Encodes records of the loaded body, `bounds` from the pair `from` up to `to`, while they take no more than `roomBytes`, and hands them
   * to `write` piece by piece: it copies them during the call. Returns the index of the first event left: the caller
   * encodes what is left, because it does not fit, or is larger than this module encodes.
   */
  encode(
    bounds: Int32Array,
    from: number,
    to: number,
    start: EncodingStart,
    roomBytes: number,
    write: (records: Uint8Array) => void,
  ): number {
    const { key, headers, delta } = start
    if (key.length + headers.length > frameCapacity || delta > largestNumber) return from
    this.#frame.set(key)
    this.#frame.set(headers, key.length)
    let index = from
    let room = roomBytes
    while (index < to) {
      const events = Math.min(pairsCapacity, to - index)
      this.#pairs.set(bounds.subarray(2 * index, 2 * (index + events)))
      const firstRecord = start.records + index - from
      const capacity = Math.max(0, Math.min(room, scratchCapacity))
      const done = this.#module.encode(0, events, firstRecord, delta, key.length, headers.length, capacity)
      if (done === 0) break
      const bytes = this.#results[0] as number
      write(this.#bytes.subarray(scratchAt, scratchAt + bytes))
      room -= bytes
      index += done
    }
    return index
  }
}

const lineFeed = 0x0a
/** Numbers are doubled in 32 bits. */
const largestNumber = 2 ** 30

/** Made when the first body comes; `undefined` where the module cannot run, and JavaScript does its work. */
let shared: BodyMemory | undefined
let tried = false

/** The one of this process. */
export function sharedBodyMemory(): BodyMemory | undefined {
  if (!tried) {
    tried = true
    try {
      shared = new BodyMemory()
    } catch {
      // A processor without 128-bit vectors, or Node with --disallow-code-generation or --jitless: slower, and nothing else.
      shared = undefined
    }
  }
  return shared
}
