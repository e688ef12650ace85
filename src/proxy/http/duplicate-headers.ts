import type { IncomingMessage } from 'node:http'
import { Problem } from '../../core/problems.ts'

/**
 * Throws 400 when Host, Authorization or Content-Type came twice, or an HTTP/1.1 request has no Host (RFC 9112 §3.2). Node keeps the
 * first of several and says nothing, so that two servers in a row may believe different ones.
 */
export function requireSingleHeaders(request: IncomingMessage): void {
  const { rawHeaders } = request
  let hosts = 0
  let credentials = 0
  let types = 0
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at] as string
    // Lengths first: most headers have another one.
    if (name.length === 4 && name.toLowerCase() === 'host') hosts += 1
    else if (name.length === 13 && name.toLowerCase() === 'authorization') credentials += 1
    else if (name.length === 12 && name.toLowerCase() === 'content-type') types += 1
  }
  if (hosts > 1 || credentials > 1 || types > 1) {
    const name = hosts > 1 ? 'Host' : credentials > 1 ? 'Authorization' : 'Content-Type'
    throw new Problem('duplicate-header', `${name} came more than once.`)
  }
  if (hosts === 0 && request.httpVersion === '1.1') throw new Problem('malformed-request', 'Host is missing.')
}
