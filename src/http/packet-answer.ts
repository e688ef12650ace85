import { STATUS_CODES } from 'node:http'

/** A whole answer of HTTP/1.1. */
export interface PacketAnswer {
  readonly text: string
  /** The connection ends with it. */
  readonly closes: boolean
}

export interface AnswerParts {
  readonly status: number
  readonly contentType: string
  readonly requestId: string
  readonly body: string
  /** In whole seconds; `undefined` = no such header. */
  readonly retryAfterSeconds?: number | undefined
  /** How long the connection is kept, in milliseconds; 0 = it ends with this answer. */
  readonly keepAliveMs: number
}

/** As Node's server would write it. The values of headers are ours: no line end is in them. */
export function packetAnswer(parts: AnswerParts): PacketAnswer {
  const { status, contentType, requestId, body, retryAfterSeconds, keepAliveMs } = parts
  const closes = keepAliveMs === 0
  const retry = retryAfterSeconds === undefined ? '' : `Retry-After: ${retryAfterSeconds}\r\n`
  const connection = closes ? 'close' : `keep-alive\r\nKeep-Alive: timeout=${Math.floor(keepAliveMs / 1000)}`
  const text =
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n` +
    `Content-Type: ${contentType}\r\nContent-Length: ${Buffer.byteLength(body)}\r\n` +
    `Forebay-Request-Id: ${requestId}\r\n${retry}Date: ${dateNow()}\r\nConnection: ${connection}\r\n\r\n${body}`
  return { text, closes }
}

let dateText = ''
let dateSecond = 0

/** IMF-fixdate (RFC 9110 §5.6.7), made once a second. */
function dateNow(): string {
  const second = Math.floor(Date.now() / 1000)
  if (second !== dateSecond) {
    dateSecond = second
    dateText = new Date(1000 * second).toUTCString()
  }
  return dateText
}
