import { randomBytes } from 'node:crypto'
import { hostname } from 'node:os'
import { proxyIdPattern } from '../../core/proxy-report.ts'

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
