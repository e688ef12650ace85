import { randomBytes } from 'node:crypto'
import { hostname } from 'node:os'

/** What may stand in the path of a report and in a label; the control plane refuses other names. */
const proxyIdPattern = /^[A-Za-z0-9._-]{1,200}$/

export function isProxyId(text: string): boolean {
  return proxyIdPattern.test(text)
}

/** Unique for each start of a proxy, and readable: host, port and random letters. */
export function newProxyId(port: number): string {
  const host = hostname()
    .replace(/[^A-Za-z0-9._-]/g, '-')
    .slice(0, 180)
  return `${host}-${port}-${randomBytes(3).toString('hex')}`
}
