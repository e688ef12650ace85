/** One HTTP/1.1 answer; `accepted` is the number of its body's `"accepted":n`, 0 without one. */
export interface HttpAnswer {
  readonly status: number
  readonly accepted: number
  /** The body tells `"delivered":n`: of this request some events may be written and some not. */
  readonly partial: boolean
  /** The server will close the connection after it. */
  readonly closes: boolean
}

const headEnd = Buffer.from('\r\n\r\n')

/**
 * Cuts the bytes of one connection into answers. Only what our servers and usual peers send: Content-Length, chunks without trailers,
 * or a 204. Throws on anything else, so that a wrong measurement cannot pass for a right one.
 */
export class HttpAnswers {
  #rest: Buffer = Buffer.alloc(0)

  /** The answers that are complete with this chunk. */
  push(chunk: Buffer): HttpAnswer[] {
    this.#rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk])
    const answers: HttpAnswer[] = []
    for (let answer = this.#next(); answer !== undefined; answer = this.#next()) answers.push(answer)
    return answers
  }

  #next(): HttpAnswer | undefined {
    const end = this.#rest.indexOf(headEnd)
    if (end === -1) return undefined
    const head = this.#rest.toString('latin1', 0, end)
    const status = Number(/^HTTP\/1\.[01] (\d{3})/.exec(head)?.[1])
    const body = this.#body(head, status, end + headEnd.length)
    if (body === undefined) return undefined
    this.#rest = this.#rest.subarray(body.end)
    const accepted = Number(/"accepted": *(\d+)/.exec(body.text)?.[1] ?? 0)
    const partial = body.text.includes('"delivered":')
    return { status, accepted, partial, closes: /^connection: *close/im.test(head) }
  }

  /** `undefined` while it is not whole. */
  #body(head: string, status: number, start: number): { text: string; end: number } | undefined {
    if (status === 204) return { text: '', end: start }
    if (/^transfer-encoding: *chunked/im.test(head)) return this.#chunks(start)
    const length = Number(/^content-length: *(\d+)/im.exec(head)?.[1])
    if (!(status >= 200) || !(length >= 0))
      throw new Error(`an answer that the generator cannot read: ${head}`)
    if (this.#rest.length < start + length) return undefined
    return { text: this.#rest.toString('latin1', start, start + length), end: start + length }
  }

  #chunks(start: number): { text: string; end: number } | undefined {
    let text = ''
    for (let at = start; ; ) {
      const lineEnd = this.#rest.indexOf('\r\n', at)
      if (lineEnd === -1) return undefined
      const size = Number.parseInt(this.#rest.toString('latin1', at, lineEnd), 16)
      if (!(size >= 0)) throw new Error('a chunk that the generator cannot read')
      const dataStart = lineEnd + 2
      at = dataStart + size + 2
      if (this.#rest.length < at) return undefined
      if (size === 0) return { text, end: at }
      text += this.#rest.toString('latin1', dataStart, dataStart + size)
    }
  }
}
