import type { ProblemBody } from '../core/problems.ts'

/** The command could not be done: one sentence for people, exit 1 (2 for a document that the server finds wrong). `problem` is the server's answer, if there was one. */
export class CommandFailure extends Error {
  override readonly name: string = 'CommandFailure'
  readonly problem: ProblemBody | undefined
  /** What to do next; printed on a line of its own. */
  readonly advice: string | undefined

  constructor(message: string, options: { problem?: ProblemBody; advice?: string; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.problem = options.problem
    this.advice = options.advice
  }
}

/** Failed, and everything about it has been printed already: only the exit code is left. */
export class SaidFailure extends CommandFailure {}

/** The command was typed wrongly: one sentence that says how to type it, exit 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}
