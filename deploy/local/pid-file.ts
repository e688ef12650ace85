import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'

/**
 * Which process was started for a folder. Pids are used again by the system, so a pid alone proves nothing: `marker` is a text that
 * only this process has in its command line (the absolute path of its settings or data).
 */
export interface PidRecord {
  readonly pid: number
  readonly marker: string
}

export function writePidFile(path: string, record: PidRecord): void {
  writeFileSync(path, `${JSON.stringify(record)}\n`)
}

/** `undefined` when there is none, or it was cut off by a crash. */
export function readPidFile(path: string): PidRecord | undefined {
  try {
    return parsePidRecord(readFileSync(path, 'utf8'))
  } catch {
    return undefined
  }
}

export function parsePidRecord(text: string): PidRecord | undefined {
  try {
    const { pid, marker } = JSON.parse(text) as Partial<PidRecord>
    const isPid = typeof pid === 'number' && Number.isSafeInteger(pid) && pid > 1
    return isPid && typeof marker === 'string' && marker !== '' ? { pid, marker } : undefined
  } catch {
    return undefined
  }
}

export function removePidFile(path: string): void {
  rmSync(path, { force: true })
}

/** The arguments of a live process, separated by spaces; `undefined` when there is no such process (or only its zombie). */
export function commandLine(pid: number): string | undefined {
  try {
    const text = existsSync('/proc/self/cmdline')
      ? readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')
      : execFileSync('ps', ['-o', 'command=', '-p', String(pid)], { encoding: 'utf8' })
    return text.trim() === '' ? undefined : text.trim()
  } catch {
    return undefined
  }
}

/** True when the recorded process still runs; a stranger that got its pid is not it. */
export function isAlive(
  record: PidRecord,
  lookUp: (pid: number) => string | undefined = commandLine,
): boolean {
  return lookUp(record.pid)?.includes(record.marker) === true
}

/**
 * Ends the process of a pid file that somebody killed with -9 left behind, and removes the file. SIGTERM first; SIGKILL after
 * `graceMs`. Returns the pid that was ended, `undefined` when there was nothing to end.
 */
export async function endOrphan(path: string, graceMs: number): Promise<number | undefined> {
  const record = readPidFile(path)
  if (record === undefined || !isAlive(record)) {
    removePidFile(path)
    return undefined
  }
  sendSignal(record.pid, 'SIGCONT')
  sendSignal(record.pid, 'SIGTERM')
  if (!(await ends(record, graceMs))) {
    sendSignal(record.pid, 'SIGKILL')
    if (!(await ends(record, 5000)))
      throw new Error(`process ${record.pid} (${record.marker}) cannot be ended`)
  }
  removePidFile(path)
  return record.pid
}

/** Sends a signal; a process that is gone already is fine. */
export function sendSignal(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

async function ends(record: PidRecord, graceMs: number): Promise<boolean> {
  const deadlineMs = performance.now() + graceMs
  while (isAlive(record)) {
    if (performance.now() > deadlineMs) return false
    await sleep(50)
  }
  return true
}
