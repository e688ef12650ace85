import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** Resident memory of a process in bytes, and the most it ever had. */
export function residentBytes(pid: number): { readonly now: number; readonly peak: number } {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  const kib = (name: string) =>
    Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? Number.NaN)
  return { now: kib('VmRSS') * 1024, peak: kib('VmHWM') * 1024 }
}

export interface MemoryCgroup {
  /** Runs the rest of its arguments inside. */
  readonly under: readonly string[]
  /** Processes that were killed for want of memory. */
  readonly killedByLimit: () => number
  /** When nothing is left inside. */
  readonly remove: () => void
}

/** A memory cgroup, v1 or v2; `undefined` where this user cannot make one. */
export function memoryCgroup(limitBytes: number): MemoryCgroup | undefined {
  const v1 = '/sys/fs/cgroup/memory'
  const isV1 = existsSync(join(v1, 'memory.limit_in_bytes'))
  const group = join(isV1 ? v1 : '/sys/fs/cgroup', `forebay-test-${process.pid}`)
  try {
    mkdirSync(group, { recursive: true })
    writeFileSync(join(group, isV1 ? 'memory.limit_in_bytes' : 'memory.max'), String(limitBytes))
    // Otherwise the limit would only mean swapping.
    if (!isV1 && existsSync(join(group, 'memory.swap.max')))
      writeFileSync(join(group, 'memory.swap.max'), '0')
  } catch {
    return undefined
  }
  const events = join(group, isV1 ? 'memory.oom_control' : 'memory.events')
  return {
    under: ['sh', '-c', `echo $$ > ${join(group, 'cgroup.procs')} && exec "$@"`, 'sh'],
    remove: () => rmdirSync(group),
    killedByLimit: () => Number(/^oom_kill (\d+)/m.exec(readFileSync(events, 'utf8'))?.[1] ?? 0),
  }
}
