import { readdirSync, readFileSync } from 'node:fs'

/** USER_HZ of Linux on every architecture that Node runs on. */
const ticksPerSecond = 100

/** CPU (user and system, all threads) and time of a process from a moment on; Linux only. */
export class CpuMeter {
  readonly #pid: number
  readonly #ticksBefore: number
  readonly #exactBefore: number

  constructor(pid: number) {
    this.#pid = pid
    this.#ticksBefore = tickSeconds(pid)
    this.#exactBefore = exactSeconds(pid)
  }

  /** Since the beginning. In nanoseconds where threads tell them, unless one ended meanwhile and took its share away. */
  seconds(): number {
    const ticks = tickSeconds(this.#pid) - this.#ticksBefore
    const exact = exactSeconds(this.#pid) - this.#exactBefore
    return Math.abs(exact - ticks) <= 4 / ticksPerSecond ? exact : ticks
  }
}

function tickSeconds(pid: number): number {
  return parseCpuSeconds(readFileSync(`/proc/${pid}/stat`, 'latin1'))
}

/** Sum over the threads; NaN when the kernel keeps no such figures. */
function exactSeconds(pid: number): number {
  try {
    const threads = readdirSync(`/proc/${pid}/task`)
    const nanoseconds = threads.map((thread) =>
      Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'latin1').split(' ')[0]),
    )
    return nanoseconds.reduce((sum, value) => sum + value, 0) / 1e9
  } catch {
    // No such file in this kernel, or a thread ended while they were read.
    return Number.NaN
  }
}

/** The name in parentheses may hold anything, also spaces and parentheses (proc_pid_stat(5)). */
export function parseCpuSeconds(stat: string): number {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond
}

/** The largest resident set of a process so far, in bytes; Linux only. */
export function peakRssBytes(pid: number): number {
  return statusBytes(pid, 'VmHWM')
}

/** The resident set of a process now, in bytes; Linux only. */
export function rssBytes(pid: number): number {
  return statusBytes(pid, 'VmRSS')
}

function statusBytes(pid: number, key: string): number {
  const line = new RegExp(`^${key}:\\s+(\\d+) kB`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'latin1'))
  return Number(line?.[1] ?? 0) * 1024
}
