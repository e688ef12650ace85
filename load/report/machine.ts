import { execFileSync } from 'node:child_process'
import { cpus, release, totalmem, type } from 'node:os'

/** Processor, memory, kernel, Node: what a figure depends on. */
export function machineFacts(): string {
  const processors = cpus()
  const memory = `${Math.round(totalmem() / 2 ** 30)} GiB`
  return `${processors.length} × ${processors[0]?.model.trim() ?? 'unknown CPU'}, ${memory}, ${type()} ${release()}, Node ${process.versions.node}`
}

/** The short commit, with `+` when files differ from it; `unknown` outside a checkout. */
export function commitName(): string {
  try {
    const git = (...args: string[]) => execFileSync('git', args, { encoding: 'utf8', stdio: 'pipe' }).trim()
    const changed = git('status', '--porcelain', '--untracked-files=no') !== ''
    return `${git('rev-parse', '--short', 'HEAD')}${changed ? '+' : ''}`
  } catch {
    // A package or a copy without git.
    return 'unknown'
  }
}
