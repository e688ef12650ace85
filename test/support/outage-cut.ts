import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import type { Socket } from 'node:net'

/**
 * Whether the process at the other end of a loopback connection is the one with this pid (Linux: proc(5), net/tcp and fd). For a fault
 * that only one of several clients is to feel; known per connection after the first question.
 */
export function clientsOf(pid: number): (client: Socket) => boolean {
  const known = new WeakMap<Socket, boolean>()
  return (client) => {
    const before = known.get(client)
    if (before !== undefined) return before
    const inode =
      client.remotePort === undefined ? undefined : inodeOf(client.remotePort, client.localPort ?? 0)
    const found = inode !== undefined && socketsOf(pid).has(inode)
    known.set(client, found)
    return found
  }
}

/** Of the socket whose own port is `port` and whose peer's is `peer`. */
function inodeOf(port: number, peer: number): string | undefined {
  const hex = (value: number) => value.toString(16).toUpperCase().padStart(4, '0')
  for (const line of readFileSync('/proc/net/tcp', 'utf8').split('\n').slice(1)) {
    const [, local = '', remote = '', , , , , , , inode] = line.trim().split(/\s+/)
    if (local.endsWith(`:${hex(port)}`) && remote.endsWith(`:${hex(peer)}`)) return inode
  }
  return undefined
}

function socketsOf(pid: number): ReadonlySet<string> {
  const inodes = readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
    try {
      return /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1] ?? []
    } catch {
      // Closed since it was listed.
      return []
    }
  })
  return new Set(inodes)
}
