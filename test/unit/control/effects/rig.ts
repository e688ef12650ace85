import { pino } from 'pino'
import { Mutex } from '../../../../src/control/apply/mutex.ts'
import { ClusterEffects } from '../../../../src/control/effects/cluster-effects.ts'
import type { EffectOptions } from '../../../../src/control/effects/effect-options.ts'
import type { Effect, EffectBody } from '../../../../src/control/failover/effect.ts'
import { ClusterAdmins } from '../../../../src/control/provision/clusters.ts'
import type { Change, ControlState, StoredPlacement } from '../../../../src/control/store/control-store.ts'

const empty: ControlState = { Namespace: new Map(), Cluster: new Map(), Topic: new Map(), Route: new Map() }

/** A runner whose store is a few fields and whose clusters nobody may ask, because nothing listens where they should be. */
export class EffectRig {
  term = 7
  remainingMs = 1000
  version = 3
  state: ControlState = {
    ...empty,
    Cluster: new Map([
      [
        'standby-a',
        {
          spec: { name: 'standby-a', role: 'standby', bootstrap: ['127.0.0.1:1'] },
          ...{ provisioned: [], revision: 1, createdAt: '', updatedAt: '' },
        },
      ],
    ]),
  }
  placements: StoredPlacement[] = []
  readonly commits: (readonly Change[])[] = []
  readonly told: number[] = []
  readonly progress: string[] = []
  readonly effects: ClusterEffects

  constructor(more: Partial<EffectOptions> = {}) {
    const rig = this
    const position = async () => ({
      ...{ version: rig.version, revision: 1, lastEvent: 0 },
      leadership: { term: rig.term, holder: 'one', address: '', remainingMs: rig.remainingMs },
    })
    this.effects = new ClusterEffects({
      store: {
        storeId: 'store',
        position,
        snapshot: async () => ({
          position: await position(),
          state: rig.state,
          placements: rig.placements,
        }),
        commit: async (changes) => {
          rig.commits.push(changes)
          rig.version += 1
          return rig.version
        },
        pendingDeletions: async () => [],
        deleted: async () => undefined,
      },
      feed: {
        get state() {
          return rig.state
        },
      },
      admins: new ClusterAdmins(),
      commits: new Mutex(),
      probes: {
        throughEachBroker: async () => undefined,
        partitionsBehind: async () => 0,
      },
      hooks: { scaleUp: '', scaleDown: '', timeoutMs: 5000 },
      acknowledgement: () => ({ complete: true, acknowledged: [], waitingFor: [], ended: [] }),
      committed: async (version) => {
        rig.told.push(version)
      },
      logger: pino({ level: 'silent' }),
      progress: (_effect, sentence) => {
        rig.progress.push(sentence)
      },
      ...more,
    })
  }

  run(body: EffectBody, more: Partial<Effect> = {}, stopped = new AbortController().signal) {
    return this.effects.run(effect(body, more), stopped)
  }
}

export function effect(body: EffectBody, more: Partial<Effect> = {}): Effect {
  return {
    ...{ key: 'op-1/step', operation: 'op-1', step: 'step', term: 7, dryRun: false, delayMs: 0 },
    ...{ body, ...more },
  }
}
