import { advance, dueEffects } from '../../../../src/control/failover/advance.ts'
import type { Effect } from '../../../../src/control/failover/effect.ts'
import type { Operation, OperationEvent } from '../../../../src/control/failover/operation.ts'
import { loadOperation, recordsOf } from '../../../../src/control/failover/persist.ts'
import type { RecordChange, StoredOperation, StoredStep } from '../../../../src/control/store/records.ts'
import type { World } from './world.ts'

/** What happens next: to which of the due effects, and how it ends. */
export interface Turn {
  readonly pick: number
  readonly end:
    | 'ok'
    /** Nothing was done. */
    | 'fails'
    /** It was done, and its answer is lost, so it counts as failed. */
    | 'answer-lost'
    /** It was done, and the leader dies before it can store the answer. */
    | 'crash-after'
    | 'crash-before'
    /** The leader was deposed after it had read its term; the effect happens beside what the new leader does, and its answer is fenced. */
    | 'deposed'
    | 'undo'
}

/** A leader that stores the operation before it runs anything, and successors that know only what was stored. */
export class Driver {
  stored: Operation
  pending: readonly Effect[]
  readonly world: World
  readonly rows = new Rows()
  #atMs = 0

  constructor(operation: Operation, world: World) {
    this.stored = operation
    this.pending = []
    this.world = world
    this.#take({ kind: 'begin' }, true)
  }

  turn({ pick, end }: Turn): void {
    const effect = this.pending[pick % Math.max(1, this.pending.length)]
    if (end === 'undo') this.#take({ kind: 'undo', undo: { reason: 'the test says so', automatic: true } })
    else if (effect !== undefined) this.#run(effect, end)
  }

  /** Everything goes well from now on, in an order that follows from `seed`; 0 = the order in which things became due. */
  finish(seed = 0): Operation {
    let pick = seed
    for (let turns = 0; this.stored.state === 'running'; turns += 1) {
      if (turns > 10_000 || this.pending.length === 0)
        throw new Error(`stuck: ${JSON.stringify(Object.entries(this.stored.steps))}`)
      this.turn({ pick: pick >>> 16, end: 'ok' })
      pick = (Math.imul(pick, 1_103_515_245) + (seed === 0 ? 0 : 12_345)) >>> 0
    }
    return this.stored
  }

  #run(effect: Effect, end: Turn['end']): void {
    const { step } = effect
    switch (end) {
      case 'fails':
        this.#answer(effect, { kind: 'failed', step, why: 'it was refused' })
        break
      case 'answer-lost':
        this.world.run(effect)
        this.#answer(effect, { kind: 'failed', step, why: 'no answer' })
        break
      case 'crash-after':
        this.world.run(effect)
        this.#takeOver()
        break
      case 'deposed':
        this.#takeOver()
        if (!hurtsLate(effect)) this.#fenced(effect, { kind: 'done', step, result: this.world.run(effect) })
        break
      case 'ok':
        this.#answer(effect, { kind: 'done', step, result: this.world.run(effect) })
        break
      default:
        this.#takeOver()
    }
  }

  #answer(effect: Effect, what: Said): void {
    this.pending = this.pending.filter((other) => other !== effect)
    this.#take(what)
  }

  #fenced(effect: Effect, what: Said): void {
    const before = this.stored
    const { operation } = advance(before, { ...what, term: effect.term, atMs: 0 } as OperationEvent)
    if (operation !== before) throw new Error('the word of a deposed leader was taken')
  }

  #take(what: Said, isNew = false): void {
    this.#atMs += 10
    const event = { ...what, term: this.stored.term, atMs: this.#atMs } as OperationEvent
    const advanced = advance(this.stored, event)
    const { operation, effects } = advanced
    if (isNew || operation !== this.stored)
      this.rows.commit(recordsOf(isNew ? undefined : this.stored, advanced), operation.term)
    this.stored = operation
    const due = new Set(dueEffects(this.stored).map(({ key }) => key))
    this.pending = [...this.pending, ...effects].filter(({ key }) => due.has(key))
  }

  /** Whoever takes over knows what was committed, and nothing else. */
  #takeOver(): void {
    this.#atMs += 10
    const read = this.rows.read()
    const event: OperationEvent = { kind: 'taken-over', term: read.term + 1, atMs: this.#atMs }
    const advanced = advance(read, event)
    this.rows.commit(recordsOf(read, advanced), advanced.operation.term)
    this.stored = advanced.operation
    this.pending = advanced.effects
  }
}

/** The tables of the store that an operation is in. */
export class Rows {
  readonly moves: unknown[] = []
  readonly events: { readonly kind: string; readonly data: Readonly<Record<string, unknown>> }[] = []
  #operation: StoredOperation | undefined
  readonly #steps = new Map<string, StoredStep>()

  commit(changes: readonly RecordChange[], term: number): void {
    const stamps = { createdAt: '', updatedAt: '' }
    for (const change of JSON.parse(JSON.stringify(changes)) as readonly RecordChange[]) {
      if (change.action === 'operation') this.#operation = { ...change.operation, ...stamps, term, actor: '' }
      else if (change.action === 'step')
        this.#steps.set(change.step.key, { ...change.step, ...stamps, writes: 1 })
      else if (change.action === 'move') this.moves.push(change.move)
      else if (change.action === 'event') this.events.push(change.event)
      else throw new Error(`unexpected ${change.action}`)
    }
  }

  read(): Operation {
    if (this.#operation === undefined) throw new Error('nothing was stored')
    return loadOperation(this.#operation, [...this.#steps.values()])
  }
}

type Said = OperationEvent extends infer Event
  ? Event extends OperationEvent
    ? Omit<Event, 'term' | 'atMs'>
    : never
  : never

/** The store refuses a late commit; and the seal is guarded by the term that is read before it, which a test in between cannot model. */
function hurtsLate({ body: { kind } }: Effect): boolean {
  return kind === 'publish' || kind === 'seal-topics' || kind === 'unseal-topics'
}
