import { readFileSync } from 'node:fs'

/** USER_HZ of Linux on every architecture that Node runs on. */
const ticksPerSecond = 100

/** CPU seconds (user and system, all threads) that a process has used so far; Linux only, in steps of 10 ms. */
export function cpuSeconds(pid: number): number {
  return parseCpuSeconds(readFileSync(`/proc/${pid}/stat`, 'latin1'))
}

/** The name in parentheses may hold anything, also spaces and parentheses (proc_pid_stat(5)). */
export function parseCpuSeconds(stat: string): number {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond
}

/** The largest resident set of a process so far, in bytes; Linux only. */
export function peakRssBytes(pid: number): number {
  const kib = /^VmHWM:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1]
  return Number(kib ?? 0) * 1024
}
