/** A request whose head and body came in one packet. */
export interface ShortRequest {
  readonly proxyId: string
  readonly host: string
  readonly authorization: string | undefined
  /** A view of the packet: of no use after it. */
  readonly body: Buffer
}

const opening = 'POST /v1/proxies/'
const limitHeadBytes = 2048
const requestLine = /^POST \/v1\/proxies\/([A-Za-z0-9._-]{1,200})\/report HTTP\/1\.1$/
/** Of RFC 9110's field syntax only what our own proxies send: one space, printable ASCII. */
const headerLine = /^([A-Za-z-]{1,40}): ([!-~](?:[ -~]*[!-~])?)$/
/** What is said by others than these may change what a request means. */
const plainHeaders = new Set(['host', 'connection', 'content-type', 'content-length', 'authorization'])

/**
 * The report of a proxy, when `packet` is exactly that as our proxies write it: one whole request, no header that is unknown or comes
 * twice. `undefined` for everything else, which is not to say that it is wrong: whoever can read all of HTTP shall judge it.
 */
export function readShortRequest(packet: Buffer): ShortRequest | undefined {
  if (packet.toString('latin1', 0, opening.length) !== opening) return undefined
  const headBytes = packet.subarray(0, limitHeadBytes).indexOf('\r\n\r\n')
  if (headBytes < 0) return undefined
  const [first = '', ...lines] = packet.toString('latin1', 0, headBytes).split('\r\n')
  const proxyId = requestLine.exec(first)?.[1]
  const headers = readHeaders(lines)
  if (proxyId === undefined || headers === undefined) return undefined
  const host = headers.get('host')
  const body = packet.subarray(headBytes + 4)
  if (host === undefined || headers.get('content-length') !== String(body.length)) return undefined
  if (headers.get('content-type') !== 'application/json') return undefined
  if ((headers.get('connection') ?? 'keep-alive') !== 'keep-alive') return undefined
  return { proxyId, host, authorization: headers.get('authorization'), body }
}

function readHeaders(lines: readonly string[]): ReadonlyMap<string, string> | undefined {
  const headers = new Map<string, string>()
  for (const line of lines) {
    const [, name = '', value = ''] = headerLine.exec(line) ?? []
    const key = name.toLowerCase()
    if (!plainHeaders.has(key) || headers.has(key)) return undefined
    headers.set(key, value)
  }
  return headers
}
