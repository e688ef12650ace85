export interface SharedLimitOptions {
  readonly limit: number
  /** No topic and no cluster is refused below this while others want room. */
  readonly smallestShare: number
}

interface Holder {
  used: number
}

interface TopicUse extends Holder {
  cluster: Holder | undefined
}

/**
 * One bounded quantity of the buffer, bytes or records, counted per topic, per cluster and in total from accept to outcome. Refuses
 * instead of waiting. Once half of it is used, shares bind (semantics "Bodies"): a topic has its part among the topics that hold
 * anything, a cluster its part among the clusters that topics are placed on. Those count while they hold nothing too: a healthy
 * cluster's events are gone in a moment, and one that is out must not have filled everything by the next one.
 */
export class SharedLimit {
  readonly limit: number
  readonly #smallestShare: number
  /** Kept when empty: bounded by the topics that were ever placed. */
  readonly #topics = new Map<string, TopicUse>()
  #clusters: ReadonlyMap<string, Holder> = new Map()
  #clusterOf: ReadonlyMap<string, string> = new Map()
  #holdingTopics = 0
  #used = 0

  constructor({ limit, smallestShare }: SharedLimitOptions) {
    this.limit = limit
    this.#smallestShare = smallestShare
  }

  get used(): number {
    return this.#used
  }

  ofTopic(topic: string): number {
    return this.#topics.get(topic)?.used ?? 0
  }

  ofCluster(cluster: string): number {
    return this.#clusters.get(cluster)?.used ?? 0
  }

  /** Topics that hold something now. */
  *topics(): Iterable<string> {
    for (const [topic, { used }] of this.#topics) if (used > 0) yield topic
  }

  /** Topic → cluster as they are placed now; what a topic holds counts for its present cluster. */
  place(clusterOf: ReadonlyMap<string, string>): void {
    this.#clusterOf = clusterOf
    this.#clusters = new Map([...clusterOf.values()].map((cluster) => [cluster, { used: 0 }]))
    for (const [topic, use] of this.#topics) {
      use.cluster = this.#clusterFor(topic)
      if (use.cluster !== undefined) use.cluster.used += use.used
    }
  }

  /** Whether so much more fits, in total and in the shares. */
  hasRoom(topic: string, amount: number): boolean {
    const total = this.#used + amount
    if (total > this.limit) return false
    if (total * 2 <= this.limit) return true
    const { used, cluster } = this.#use(topic)
    const topics = this.#holdingTopics + (used === 0 ? 1 : 0)
    if (used + amount > this.#share(topics)) return false
    return cluster === undefined || cluster.used + amount <= this.#share(this.#clusters.size)
  }

  add(topic: string, amount: number): void {
    this.#used += amount
    const use = this.#use(topic)
    if (use.used === 0) this.#holdingTopics += 1
    use.used += amount
    if (use.used === 0) this.#holdingTopics -= 1
    if (use.cluster !== undefined) use.cluster.used += amount
  }

  remove(topic: string, amount: number): void {
    if (amount !== 0) this.add(topic, -amount)
  }

  #share(holders: number): number {
    return Math.max(this.#smallestShare, this.limit / holders)
  }

  #use(topic: string): TopicUse {
    let use = this.#topics.get(topic)
    if (use === undefined) {
      use = { used: 0, cluster: this.#clusterFor(topic) }
      this.#topics.set(topic, use)
    }
    return use
  }

  #clusterFor(topic: string): Holder | undefined {
    const cluster = this.#clusterOf.get(topic)
    return cluster === undefined ? undefined : this.#clusters.get(cluster)
  }
}
