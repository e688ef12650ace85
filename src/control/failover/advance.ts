import type { Effect } from './effect.ts'
import { effectOf } from './effect-of.ts'
import { stepsOf, undoProblem } from './graph.ts'
import {
  defaultRetry,
  type Operation,
  type OperationEvent,
  type RetryPolicy,
  type StepResult,
  type StepState,
  type Transition,
  type Undo,
} from './operation.ts'
import type { Step, StepKind } from './step.ts'

export interface Advanced {
  /** The same object when the event changed nothing. */
  readonly operation: Operation
  /** To be run once `operation` is stored, not before. */
  readonly effects: readonly Effect[]
  readonly transitions: readonly Transition[]
}

/**
 * The state machine of failover and failback: one event in, the next operation and what is to be done out. Pure. An event of another
 * leader's term, of a step that does not run, or that came before, changes nothing; so effects may be run and answered more than once.
 */
export function advance(
  operation: Operation,
  event: OperationEvent,
  retry: RetryPolicy = defaultRetry,
): Advanced {
  if (operation.state !== 'running') return unchanged(operation)
  if (event.kind === 'taken-over') return takenOver(operation, event.term)
  if (event.term !== operation.term) return unchanged(operation)
  switch (event.kind) {
    case 'begin':
      return go(operation, [], event.atMs)
    case 'done':
      return done(operation, event.step, event.result, event.atMs)
    case 'failed':
      return failed(operation, event.step, event.why, event.atMs, retry)
    case 'undo':
      return takeBack(operation, event.undo, event.atMs)
  }
}

/** The side effects of everything that runs: what a new leader does first, having stored that it took over. */
export function dueEffects(operation: Operation): readonly Effect[] {
  if (operation.state !== 'running') return []
  return stepsOf(operation)
    .filter(({ name }) => operation.steps[name]?.state === 'running')
    .map((step) => effectOf(operation, step))
}

function unchanged(operation: Operation): Advanced {
  return { operation, effects: [], transitions: [] }
}

/** A leader that was deposed cannot take anything back: terms only grow. */
function takenOver(operation: Operation, term: number): Advanced {
  if (term < operation.term) return unchanged(operation)
  const taken = { ...operation, term }
  return { operation: taken, effects: dueEffects(taken), transitions: [] }
}

function done(operation: Operation, name: string, result: StepResult, atMs: number): Advanced {
  const step = running(operation, name)
  const state = operation.steps[name]
  if (step === undefined || state === undefined) return unchanged(operation)
  const expected = resultKinds[step.kind]
  if (result.kind !== expected) throw new TypeError(`${name} gives ${expected}, not ${result.kind}`)
  const next = withStep(operation, name, { ...state, state: 'done', endedAtMs: atMs, result })
  return go(next, [{ step: name, from: 'running', to: 'done', atMs }], atMs)
}

function failed(operation: Operation, name: string, why: string, atMs: number, retry: RetryPolicy): Advanced {
  const step = running(operation, name)
  const state = operation.steps[name]
  if (step === undefined || state === undefined) return unchanged(operation)
  const attempts = state.attempts + 1
  const isHook = step.kind === 'scale-up' || step.kind === 'scale-down'
  // A drill asks once: its answer is what a person wants to read, not a state to wait for.
  if (operation.dryRun || (isHook && attempts >= retry.hookAttempts)) {
    const given: StepState = { ...state, state: 'failed', attempts, why, endedAtMs: atMs }
    return go(
      withStep(operation, name, given),
      [{ step: name, from: 'running', to: 'failed', atMs, why }],
      atMs,
    )
  }
  const next = withStep(operation, name, { ...state, attempts, why })
  const delayMs = Math.min(retry.longestDelayMs, retry.firstDelayMs * 2 ** Math.min(attempts - 1, 20))
  return {
    operation: next,
    effects: [effectOf(next, step, delayMs)],
    transitions: [{ step: name, from: 'running', to: 'running', atMs, why }],
  }
}

/** Steps that run and that the other goal has no use for are dropped: their answers are not waited for. */
function takeBack(operation: Operation, undo: Undo, atMs: number): Advanced {
  if (undoProblem(operation) !== undefined) return unchanged(operation)
  const turned: Operation = { ...operation, goal: 'undo', undo }
  const kept = new Set(stepsOf(turned).map(({ name }) => name))
  const transitions: Transition[] = []
  let next = turned
  for (const [name, state] of Object.entries(turned.steps)) {
    if (state.state !== 'running' || kept.has(name)) continue
    next = withStep(next, name, { ...state, state: 'dropped', endedAtMs: atMs })
    transitions.push({ step: name, from: 'running', to: 'dropped', atMs, why: undo.reason })
  }
  return go(next, transitions, atMs)
}

/** Begins every step whose needs are met, and ends the operation when nothing is left. */
function go(begun: Operation, before: readonly Transition[], atMs: number): Advanced {
  const { operation, transitions } = begun.dryRun
    ? skipUnchecked(begun, before, atMs)
    : { operation: begun, transitions: before }
  return goOn(operation, transitions, atMs)
}

/** In a drill: what rests on a step that failed cannot be checked, and is dropped. */
function skipUnchecked(operation: Operation, before: readonly Transition[], atMs: number) {
  const transitions = [...before]
  const steps = stepsOf(operation)
  let next = operation
  const missingFor = ({ name, needs }: Step) =>
    next.steps[name] === undefined
      ? needs.find((need) => {
          const state = next.steps[need]?.state
          return state === 'dropped' || (state === 'failed' && !isHookStep(need))
        })
      : undefined
  for (;;) {
    const step = steps.find((candidate) => missingFor(candidate) !== undefined)
    if (step === undefined) return { operation: next, transitions }
    const why = `not checked: it needs ${missingFor(step)}`
    const skipped: StepState = { state: 'dropped', attempts: 0, startedAtMs: atMs, endedAtMs: atMs, why }
    next = withStep(next, step.name, skipped)
    transitions.push({ step: step.name, from: 'waiting', to: 'dropped', atMs, why })
  }
}

function isHookStep(name: string): boolean {
  return name === 'scale-up' || name === 'scale-down'
}

function goOn(operation: Operation, before: readonly Transition[], atMs: number): Advanced {
  const steps = stepsOf(operation)
  const isOver = (name: string) => {
    const state = operation.steps[name]?.state
    return state === 'done' || state === 'failed' || (operation.dryRun && state === 'dropped')
  }
  const ready = steps.filter(
    ({ name, needs }) => operation.steps[name] === undefined && needs.every((need) => isOver(need)),
  )
  const begun = Object.fromEntries(
    ready.map(({ name }): [string, StepState] => [
      name,
      { state: 'running', attempts: 0, startedAtMs: atMs },
    ]),
  )
  const next: Operation = { ...operation, steps: { ...operation.steps, ...begun } }
  const transitions = ready.map(
    ({ name }): Transition => ({ step: name, from: 'waiting', to: 'running', atMs }),
  )
  const ended = ready.length === 0 && steps.every(({ name }) => isOver(name))
  return {
    operation: ended
      ? { ...next, state: next.goal === 'forward' ? 'done' : 'undone', endedAtMs: atMs }
      : next,
    effects: ready.map((step) => effectOf(next, step)),
    transitions: [...before, ...transitions],
  }
}

function running(operation: Operation, name: string): Step | undefined {
  if (operation.steps[name]?.state !== 'running') return undefined
  return stepsOf(operation).find((step) => step.name === name)
}

function withStep(operation: Operation, name: string, state: StepState): Operation {
  return { ...operation, steps: { ...operation.steps, [name]: state } }
}

const resultKinds: Readonly<Record<StepKind, StepResult['kind']>> = {
  'scale-up': 'none',
  'scale-down': 'none',
  canary: 'none',
  create: 'topics',
  lead: 'none',
  publish: 'version',
  acknowledge: 'proxies',
  gate: 'none',
  prepare: 'topics',
  'home-offsets': 'offsets',
  'home-drain': 'none',
  seal: 'none',
  probe: 'none',
  'end-offsets': 'offsets',
  drain: 'none',
  release: 'version',
  delete: 'none',
  'undo-create': 'none',
  unseal: 'none',
  republish: 'version',
}
