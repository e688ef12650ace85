import { UsageError } from '../../src/cli/failure.ts'
import type { Address } from '../generator/http-connection.ts'

/** A server that somebody else started, measured beside the others. */
export interface Peer {
  readonly name: string
  readonly address: Address
  /** With its query. */
  readonly path: string
  readonly pid: number
}

/** `[NAME=]URL,PID`; throws `UsageError`. */
export function parsePeer(text: string): Peer {
  const found = /^(?:([^=,]+)=)?(http:\/\/.+),(\d+)$/.exec(text)
  if (found === null || !URL.canParse(found[2] ?? '')) {
    throw new UsageError(`--peer: "${text}" is not [NAME=]http://HOST:PORT/PATH,PID`)
  }
  const { hostname, port, pathname, search, host } = new URL(found[2] ?? '')
  return {
    name: found[1] ?? `peer ${host}`,
    address: { host: hostname, port: port === '' ? 80 : Number(port) },
    path: pathname + search,
    pid: Number(found[3]),
  }
}
