import { mkdirSync } from 'node:fs'
import { commandLine, isAlive, readPidFile, removePidFile, writePidFile } from './pid-file.ts'
import { stackPaths } from './stack-layout.ts'

/** Another stack lives in the folder. */
export class StackRunning extends Error {
  override readonly name = 'StackRunning'
}

/** Makes this process the one stack of the folder; throws `StackRunning` while another one is alive there. */
export function takeStackLock(directory: string): void {
  mkdirSync(directory, { recursive: true })
  const path = stackPaths(directory).lock
  const holder = readPidFile(path)
  if (holder !== undefined && holder.pid !== process.pid && isAlive(holder)) {
    throw new StackRunning(
      `a stack runs in ${directory} already (process ${holder.pid}): stop it with Ctrl-C or "kill ${holder.pid}", or choose another folder with --data and other ports with --port-base`,
    )
  }
  writePidFile(path, { pid: process.pid, marker: commandLine(process.pid) ?? process.execPath })
}

export function releaseStackLock(directory: string): void {
  removePidFile(stackPaths(directory).lock)
}
