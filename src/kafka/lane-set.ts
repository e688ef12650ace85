import type { Clock } from '../core/clock.ts'
import type { ClusterMetadata, ClusterMetadataOptions } from './cluster-metadata.ts'
import { FrameSocket } from './frame-socket.ts'
import { Lane, type LaneLimits } from './lane.ts'
import type { Acks } from './outgoing-batch.ts'

export interface LaneSetOptions extends ClusterMetadataOptions {
  readonly clock: Clock
  /** Per acks class, because acks=all waits for followers (semantics "Time limits"). */
  readonly limits: Readonly<Record<Acks, LaneLimits>>
}

/** Less than the 10 min after which brokers close a connection. */
const idleMs = 180_000

/** The lanes of one cluster, made when a broker is first written to. */
export class LaneSet {
  readonly #lanes = new Map<string, Lane>()
  readonly #options: LaneSetOptions
  readonly #metadata: ClusterMetadata
  readonly #onChange: () => void

  constructor(options: LaneSetOptions, metadata: ClusterMetadata, onChange: () => void) {
    this.#options = options
    this.#metadata = metadata
    this.#onChange = onChange
  }

  lane(broker: number, acks: Acks): Lane {
    const name = `${broker}/${acks}`
    let lane = this.#lanes.get(name)
    if (lane === undefined) {
      const { clock, limits } = this.#options
      lane = new Lane({
        broker,
        acks,
        limits: limits[acks],
        clock,
        open: () => this.#open(broker, limits[acks].requestTimeoutMs),
        onChange: this.#onChange,
      })
      this.#lanes.set(name, lane)
    }
    return lane
  }

  all(): Iterable<Lane> {
    return this.#lanes.values()
  }

  /** Keeps connections in use and makes lost ones again; those of `acks` to every broker that the cluster takes for alive. */
  keepWarm(acks: Iterable<Acks>): void {
    const alive = new Set(this.#metadata.aliveBrokers())
    for (const one of acks) for (const broker of alive) this.lane(broker, one)
    for (const lane of this.#lanes.values()) lane.keepWarm(idleMs, alive.has(lane.broker))
  }

  async #open(broker: number, connectTimeoutMs: number): Promise<FrameSocket> {
    const address = this.#metadata.broker(broker)
    if (address === undefined) throw new Error(`broker ${broker} is not in the cluster's metadata`)
    const { clientId, security } = this.#options
    return FrameSocket.open(address, {
      clientId,
      connectTimeoutMs,
      ...(security === undefined ? {} : { security }),
    })
  }
}
