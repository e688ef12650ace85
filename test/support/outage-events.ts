import { setTimeout as sleep } from 'node:timers/promises'
import type { OutageControl } from './outage-control.ts'

/** A line of `GET /v1/events` and when it came to us. */
export interface SeenEvent {
  readonly id: number
  readonly kind: string
  readonly subject: string
  readonly data: Readonly<Record<string, unknown>>
  /** On the clock of the loads (`performance.now()`), of the control plane's own time stamp. */
  readonly atMs: number
}

/** Follows the control plane's events from the moment it is made, over restarts and changes of the leader, until `stop`. */
export class EventLog {
  readonly events: SeenEvent[] = []
  readonly #control: OutageControl
  readonly #done: Promise<void>
  #after = 0
  #stopped = false

  constructor(control: OutageControl) {
    this.#control = control
    this.#done = this.#follow()
  }

  /** Those whose time is at or after `fromMs`. */
  since(fromMs: number): SeenEvent[] {
    return this.events.filter(({ atMs }) => atMs >= fromMs)
  }

  /** `failover.step` and `failback.step`: when a step came into this state, the first time after `fromMs`. */
  stepMs(fromMs: number, step: string | RegExp, to: string): number | undefined {
    return this.stepTimes(fromMs, step, to)[0]
  }

  /** The same of every step whose name matches. */
  stepTimes(fromMs: number, step: string | RegExp, to: string): number[] {
    return this.since(fromMs)
      .filter(({ kind, data }) => {
        const name = String(data.step ?? '')
        return (
          kind.endsWith('.step') &&
          data.to === to &&
          (typeof step === 'string' ? name === step : step.test(name))
        )
      })
      .map(({ atMs }) => atMs)
  }

  async stop(): Promise<void> {
    this.#stopped = true
    await this.#done
  }

  async #follow(): Promise<void> {
    interface Page {
      readonly items: readonly {
        id: number
        kind: string
        subject: string
        at: string
        data: Record<string, unknown>
      }[]
    }
    while (!this.#stopped) {
      try {
        const { items } = await this.#control.must<Page>('GET', `/v1/events?after=${this.#after}&wait=1`)
        for (const { at, ...event } of items) {
          this.events.push({ ...event, atMs: Date.parse(at) - performance.timeOrigin })
          this.#after = event.id
        }
      } catch {
        // The control plane is one of the things that are killed here.
        await sleep(100)
      }
    }
  }
}
