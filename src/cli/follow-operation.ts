import { setTimeout as sleep } from 'node:timers/promises'
import type { OperationView, StepView } from '../core/operations.ts'
import { formatDurationMs } from '../core/units.ts'
import { segment } from './client.ts'
import { type CommandContext, present } from './context.ts'
import { SaidFailure } from './failure.ts'
import { operationText, progressText } from './operation-text.ts'
import { ProgressLine } from './terminal.ts'

const pollMs = 300

/**
 * Shows how an operation goes on until it has ended, and then all of it; whether that end is a success is for the caller to say. Ctrl-C
 * ends the watching only: that is said, and thrown as `SaidFailure`.
 */
export async function followOperation(context: CommandContext, begun: OperationView): Promise<OperationView> {
  const { terminal, control } = context
  const line = new ProgressLine(terminal)
  let last = begun
  let failures = 0
  while (last.state === 'running' || last.state === 'undoing') {
    line.show(() => lineOf(last))
    await sleep(pollMs, undefined, { signal: terminal.interrupted }).catch(() => undefined)
    if (terminal.interrupted.aborted) {
      line.clear()
      terminal.note(goesOn(last))
      throw new SaidFailure('interrupted')
    }
    try {
      last = await control.get<OperationView>(`/v1/operations/${segment(begun.id)}`)
      failures = 0
    } catch (error) {
      // The control plane may be changing its leader just now; the operation is in its store.
      failures += 1
      if (failures * pollMs > 30_000) throw error
    }
  }
  line.clear()
  present(context, last, () => operationText(terminal, last))
  return last
}

function goesOn({ id, kind }: OperationView): string {
  return `${id} goes on without this command.\nSee it: forebay ${kind} show ${id}\nTake it back: forebay operation cancel ${id} --reason …\n`
}

/** `3 of 10 topics moved, …; create/1 (4s: 2 partitions have no leader); about 6s more` */
function lineOf(operation: OperationView): string {
  const running = operation.steps.filter(({ state }) => state === 'running').map(stepWords)
  const left = remainingMs(operation)
  const about = left === undefined ? '' : `; about ${formatDurationMs(left)} more`
  return `${operation.kind} for ${formatDurationMs(Math.round(operation.tookMs / 1000) * 1000)}: ${progressText(operation)}; ${running.slice(0, 3).join(', ')}${about}`
}

function stepWords({ name, tookMs = 0, waiting, why }: StepView): string {
  const because = waiting ?? why
  return `${name} (${formatDurationMs(Math.round(tookMs / 1000) * 1000)}${because === undefined ? '' : `: ${because}`})`
}

/** As fast as until now; `undefined` before anything has moved. */
function remainingMs({ topics: { total, moved }, tookMs }: OperationView): number | undefined {
  if (moved === 0 || moved === total) return undefined
  return Math.ceil(((tookMs / moved) * (total - moved)) / 1000) * 1000
}
