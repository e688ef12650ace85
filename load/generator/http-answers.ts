/** One HTTP/1.1 answer; `accepted` is the number of its body's `"accepted":n`, 0 without one. */
export interface HttpAnswer {
  readonly status: number
  readonly accepted: number
  /** The server will close the connection after it. */
  readonly closes: boolean
}

const headEnd = Buffer.from('\r\n\r\n')

/**
 * Cuts the bytes of one connection into answers. Only what our servers send: Content-Length always, no trailers. Throws on anything
 * else, so that a wrong measurement cannot pass for a right one.
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
    const length = Number(/^content-length: *(\d+)/im.exec(head)?.[1])
    if (!(status >= 200) || !(length >= 0))
      throw new Error(`an answer that the generator cannot read: ${head}`)
    const bodyStart = end + headEnd.length
    if (this.#rest.length < bodyStart + length) return undefined
    const body = this.#rest.toString('latin1', bodyStart, bodyStart + length)
    this.#rest = this.#rest.subarray(bodyStart + length)
    const accepted = Number(/"accepted": *(\d+)/.exec(body)?.[1] ?? 0)
    return { status, accepted, closes: /^connection: *close/im.test(head) }
  }
}
