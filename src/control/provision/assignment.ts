export interface RackedBroker {
  readonly id: number
  readonly rack: string
}

export interface AssignmentRequest {
  readonly brokers: readonly RackedBroker[]
  /** Partitions to assign. */
  readonly partitions: number
  /** 1 to the number of brokers. */
  readonly replicas: number
  /** Number of the first one: more than 0 when a topic grows. */
  readonly firstPartition: number
  /** Where in the list of brokers partition 0 begins: spreads the leaders of many topics. */
  readonly start: number
}

/**
 * Broker ids per partition, preferred leader first, alternated by rack (KIP-36, Kafka's AdminUtils): replicas of a partition are on
 * different racks as far as there are racks, leaders and replicas are spread evenly over the brokers. Pure and deterministic.
 */
export function assignReplicas(request: AssignmentRequest): readonly (readonly number[])[] {
  const { partitions, replicas, firstPartition, start } = request
  const brokers = alternateByRack(request.brokers)
  const racks = new Set(brokers.map(({ rack }) => rack)).size
  if (replicas < 1 || replicas > brokers.length)
    throw new RangeError(`${replicas} replicas on ${brokers.length} brokers`)
  let shift = start
  const assignment: number[][] = []
  for (let partition = 0; partition < firstPartition + partitions; partition += 1) {
    if (partition > 0 && partition % brokers.length === 0) shift += 1
    if (partition < firstPartition) continue
    const first = (partition + start) % brokers.length
    assignment.push(chooseReplicas(brokers, racks, replicas, first, shift * racks))
  }
  return assignment
}

/**
 * The assignment of one topic where every broker has a rack; `undefined` = let Kafka assign. Where it starts in the list of brokers
 * follows from the name, so that the leaders of many topics are spread.
 */
export function assignTopic(
  topic: string,
  brokers: readonly { readonly id: number; readonly rack?: string }[],
  { replicas, firstPartition, partitions }: Omit<AssignmentRequest, 'brokers' | 'start'>,
): readonly (readonly number[])[] | undefined {
  const racked = brokers.flatMap(({ id, rack }): RackedBroker[] => (rack === undefined ? [] : [{ id, rack }]))
  if (racked.length < brokers.length) return undefined
  let start = 0
  for (const character of topic) start = (start * 31 + (character.codePointAt(0) ?? 0)) % 1_000_003
  return assignReplicas({ brokers: racked, partitions, replicas, firstPartition, start })
}

function chooseReplicas(
  brokers: readonly RackedBroker[],
  racks: number,
  replicas: number,
  first: number,
  shift: number,
): number[] {
  const leader = at(brokers, first)
  const chosen = [leader.id]
  const chosenRacks = new Set([leader.rack])
  for (let k = 0; chosen.length < replicas; k += 1) {
    const candidate = at(brokers, first + 1 + ((shift + k) % (brokers.length - 1)))
    const rackIsFree = !chosenRacks.has(candidate.rack) || chosenRacks.size === racks
    if (!rackIsFree || chosen.includes(candidate.id)) continue
    chosen.push(candidate.id)
    chosenRacks.add(candidate.rack)
  }
  return chosen
}

/** Racks in order, one broker of each in turn: a/1, b/2, c/3, a/4, … */
function alternateByRack(brokers: readonly RackedBroker[]): readonly RackedBroker[] {
  const byRack = Map.groupBy(
    [...brokers].sort((a, b) => a.id - b.id),
    ({ rack }) => rack,
  )
  const queues = [...byRack.keys()].sort().map((rack) => byRack.get(rack) ?? [])
  const list: RackedBroker[] = []
  for (let turn = 0; list.length < brokers.length; turn += 1) {
    for (const queue of queues) {
      const broker = queue[turn]
      if (broker !== undefined) list.push(broker)
    }
  }
  return list
}

function at(brokers: readonly RackedBroker[], index: number): RackedBroker {
  const broker = brokers[index % brokers.length]
  if (broker === undefined) throw new RangeError('no brokers')
  return broker
}
