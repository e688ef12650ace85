/**
 * How far the drain is (semantics "Drain"). `open`: business as usual · `leaving`: served, but each answer closes its connection ·
 * `shut`: whoever still asks gets 503 draining.
 */
export type GateState = 'open' | 'leaving' | 'shut'

export class Gate {
  state: GateState = 'open'
}
