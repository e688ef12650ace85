/** A POST whose head and body came in one packet. */
export interface PacketRequest {
  /** Path and query, as they came. */
  readonly target: string
  /** By lower-case name; none came twice. Shared with other requests of the same head. */
  readonly headers: PacketHeaders
  /** A view of the packet. */
  readonly body: Buffer
}

export type PacketHeaders = Readonly<Record<string, string>>

interface Head {
  readonly target: string
  readonly headers: PacketHeaders
  readonly bodyBytes: number
}

const opening = 'POST /'
const longestHead = 4096
const requestLine = /^POST (\/[!-~]*) HTTP\/1\.1$/
/** RFC 9110 §5.5 without what nobody needs: one space or none, and visible ASCII. */
const headerLine = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+): ?([!-~](?:[ -~]*[!-~])?)$/
/** They change how long a message is, or what happens to the connection: for whoever reads all of HTTP. */
const notPlain = new Set(['transfer-encoding', 'content-encoding', 'expect', 'upgrade', 'te', 'trailer'])

/** Clients repeat themselves: the head as it came → what it says, `undefined` = not plain. Bounded, because it is theirs to choose. */
const known = new Map<string, Head | undefined>()
const mostKnown = 256
const longestKnown = 1024

/**
 * The request, when `packet` is exactly one, whole, and plain: HTTP/1.1, POST, a length, a Host, no header twice, none that changes the
 * framing, and the connection stays. `undefined` for everything else, which is not to say that it is wrong: whoever reads all of HTTP
 * shall judge it. Nothing that is read here has two meanings (RFC 9112 §11.2), so no other server can take it for something else.
 */
export function readPacketRequest(packet: Buffer): PacketRequest | undefined {
  if (packet.toString('latin1', 0, opening.length) !== opening) return undefined
  const headBytes = packet.subarray(0, longestHead).indexOf('\r\n\r\n')
  if (headBytes < 0) return undefined
  const head = headOf(packet.toString('latin1', 0, headBytes))
  const bodyAt = headBytes + 4
  if (head === undefined || head.bodyBytes !== packet.length - bodyAt) return undefined
  return { target: head.target, headers: head.headers, body: packet.subarray(bodyAt) }
}

function headOf(text: string): Head | undefined {
  const before = known.get(text)
  if (before !== undefined || known.has(text)) return before
  const head = readHead(text)
  if (text.length <= longestKnown) {
    if (known.size >= mostKnown) known.clear()
    known.set(text, head)
  }
  return head
}

function readHead(text: string): Head | undefined {
  const [first = '', ...lines] = text.split('\r\n')
  const target = requestLine.exec(first)?.[1]
  const headers = readHeaders(lines)
  if (target === undefined || headers?.host === undefined) return undefined
  const length = headers['content-length']
  if (length === undefined || !/^(0|[1-9]\d{0,8})$/.test(length)) return undefined
  if ((headers.connection ?? 'keep-alive').toLowerCase() !== 'keep-alive') return undefined
  return { target, headers, bodyBytes: Number(length) }
}

function readHeaders(lines: readonly string[]): PacketHeaders | undefined {
  // Without a prototype, so that no name means anything to us that the client did not send.
  const headers: Record<string, string> = Object.create(null)
  for (const line of lines) {
    const [, name, value] = headerLine.exec(line) ?? []
    const key = name?.toLowerCase()
    if (key === undefined || value === undefined || key in headers || notPlain.has(key)) return undefined
    headers[key] = value
  }
  return headers
}
