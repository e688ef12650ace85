import { execFileSync } from 'node:child_process'
import { createSocket, type Socket } from 'node:dgram'
import dns from 'node:dns'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Cleanup, temporaryFolder } from './temporary-folder.ts'

/** `hangs`: queries come and are never answered. `refuses`: nobody listens on its port. */
export type ResolverState = 'well' | 'hangs' | 'refuses'

/** The C library asks no other port. */
const port = 53
const typeA = 1

/**
 * A name server for processes of a test: all names under `suffix` are 127.0.0.1. Processes that are started `under` it ask nobody else
 * and read an empty hosts file: it stands in for the files of the machine in a mount namespace of their own.
 */
export class FaultResolver {
  readonly under: readonly string[]
  readonly #address: string
  #socket: Socket | undefined
  #state: ResolverState = 'well'
  #queries = 0

  private constructor(address: string, under: readonly string[]) {
    this.#address = address
    this.under = under
  }

  /** `missing` says why there can be none here. This process itself resolves names under `suffix` without it, from now on. */
  static async start(owner: Cleanup, suffix: string): Promise<FaultResolver | { readonly missing: string }> {
    // One of the many addresses of the loopback network, so that a name server of the machine is not in the way.
    const address = `127.66.${(process.pid >> 8) & 255}.${(process.pid & 127) + 1}`
    const folder = temporaryFolder(owner)
    const [resolvConf, hosts] = [join(folder, 'resolv.conf'), join(folder, 'hosts')]
    writeFileSync(resolvConf, `nameserver ${address}\n`)
    writeFileSync(hosts, '')
    const binds = `mount --bind "${resolvConf}" /etc/resolv.conf && mount --bind "${hosts}" /etc/hosts`
    const under = ['unshare', '--mount', 'sh', '-c', `${binds} && exec "$@"`, 'sh']
    const resolver = new FaultResolver(address, under)
    try {
      const [program = '', ...args] = under
      execFileSync(program, [...args, 'true'], { stdio: 'pipe' })
      await resolver.#listen(suffix)
    } catch (error) {
      return { missing: (error as Error).message }
    }
    owner.after(() => void resolver.#socket?.close())
    resolveHere(suffix)
    return resolver
  }

  /** Queries of any kind that came so far. */
  get queries(): number {
    return this.#queries
  }

  async set(state: ResolverState, suffix: string): Promise<void> {
    if (state === 'refuses') {
      this.#socket?.close()
      this.#socket = undefined
    } else if (this.#socket === undefined) await this.#listen(suffix)
    this.#state = state
  }

  async #listen(suffix: string): Promise<void> {
    const socket = createSocket('udp4')
    socket.on('message', (query, from) => {
      this.#queries += 1
      if (this.#state === 'well') socket.send(answerTo(query, suffix), from.port, from.address)
    })
    socket.bind(port, this.#address)
    await once(socket, 'listening')
    this.#socket = socket
  }
}

/** RFC 1035: 127.0.0.1 to a question for an A record below `suffix`, no such record to anything else there, no such name elsewhere. */
function answerTo(query: Buffer, suffix: string): Buffer {
  const labels: string[] = []
  let at = 12
  for (let length = query[at] ?? 0; length > 0; length = query[at] ?? 0) {
    labels.push(query.toString('latin1', at + 1, at + 1 + length))
    at += 1 + length
  }
  const question = query.subarray(12, at + 5)
  const known = labels.join('.').toLowerCase().endsWith(suffix)
  const isAnswered = known && query.readUInt16BE(at + 1) === typeA
  const head = Buffer.alloc(12)
  query.copy(head, 0, 0, 2)
  head.writeUInt16BE(known ? 0x8180 : 0x8183, 2)
  head.writeUInt16BE(1, 4)
  head.writeUInt16BE(isAnswered ? 1 : 0, 6)
  // A pointer to the question's name, type A, class IN, no time to live, four bytes.
  const answer = Buffer.from([0xc0, 12, 0, typeA, 0, 1, 0, 0, 0, 0, 0, 4, 127, 0, 0, 1])
  return Buffer.concat([head, question, ...(isAnswered ? [answer] : [])])
}

/** Until it ends, this process's own clients connect to the same names, and need nobody's answer for it. */
function resolveHere(suffix: string): void {
  const real = dns.lookup
  const stub = (name: string, options: dns.LookupOptions, done: (...result: unknown[]) => void): void => {
    if (!name.endsWith(suffix)) real(name, options, done as never)
    else if (options.all === true) setImmediate(done, null, [{ address: '127.0.0.1', family: 4 }])
    else setImmediate(done, null, '127.0.0.1', 4)
  }
  dns.lookup = stub as typeof dns.lookup
}
