import assert from 'node:assert/strict'
import { before, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { inspect } from 'node:util'
import { Kafka, logLevel } from 'kafkajs'
import type { KafkaCluster } from '../../deploy/local/kafka-cluster.ts'
import { defaultRules } from '../../src/control/failover/rules.ts'
import { judgeWatchRound, judgeWatchSecond } from '../../src/control/failover/watch-verdict.ts'
import { partitionsBehind, throughEachBroker } from '../../src/control/watch/one-off.ts'
import { answers, broker, isWell, WatchBed } from '../integration/control-watch-support.ts'
import { fileCleanup } from '../support/file-cleanup.ts'
import { privateCluster } from '../support/private-cluster.ts'
import { makeTopic, uniqueTopic } from '../support/topics.ts'
import { waitFor } from '../support/wait-for.ts'

const file = fileCleanup()
const ids = [1, 2, 3]
let cluster: KafkaCluster
let bootstrap: readonly string[]
let bed: WatchBed
let placed: readonly string[] = []

before(async () => {
  cluster = await privateCluster(file, { brokers: 3 })
  bootstrap = cluster.bootstrap
  bed = new WatchBed(file, { name: 'fronting-a', bootstrap })
})

/** Windows after which the last two rounds of ten have begun later than the first of them, wherever rounds begin. */
const twoRounds = 31

describe('the watch of a cluster of three brokers', () => {
  it('finds an idle cluster well, with a canary on each broker and a quorum', async () => {
    await bed.until('canaries through all three', (window) => isWell(window, 3), { count: 6 })
    const windows = bed.since(bed.seen - 6)
    assert.ok(windows.some(({ quorum }) => quorum === 'answered'))
    assert.ok(windows.every(({ quorum }) => quorum !== 'silent'))
    assert.deepEqual(windows.at(-1)?.partitions, {
      known: 0,
      withoutLeader: 0,
      underReplicated: 0,
      endMoved: 0,
      committedMoved: 0,
    })
    const canary = windows.at(-1)?.brokers[0]?.canary
    assert.ok((canary?.produceMs ?? -1) >= 0 && (canary?.consumeMs ?? -1) >= 0, JSON.stringify(canary))
    const round = judgeWatchRound(windows.map(asSecond), defaultRules)
    assert.deepEqual({ kind: round.kind, whole: round.whole }, { kind: 'good', whole: true })
  })

  it('counts the partitions of the placed topics and sees what moves', async () => {
    const busy = uniqueTopic('watch.busy')
    const quiet = uniqueTopic('watch.quiet')
    await Promise.all(
      [busy, quiet].map((topic) => makeTopic(bootstrap, topic, { partitions: 4, replicas: 2 })),
    )
    placed = [busy, quiet]
    bed.follow({
      topics: new Set([...placed, 'watch.not-there']),
      groups: new Map([['forebay.busy', busy]]),
    })
    const kafka = new Kafka({ clientId: 'test', brokers: [...bootstrap], logLevel: logLevel.NOTHING })
    const producer = kafka.producer()
    const admin = kafka.admin()
    await Promise.all([producer.connect(), admin.connect()])
    const traffic = new AbortController()
    const flowing = flow(async (turn) => {
      const messages = [0, 1].map((partition) => ({ partition, value: 'x' }))
      await producer.send({ topic: busy, messages, acks: 1 })
      const partitions = [{ partition: 0, offset: String(turn) }]
      await admin.setOffsets({ groupId: 'forebay.busy', topic: busy, partitions })
    }, traffic.signal)
    try {
      await bed.until(
        'two partitions written and one committed',
        ({ partitions }) => partitions?.endMoved === 2 && partitions.committedMoved === 1,
      )
    } finally {
      traffic.abort()
      await flowing
      await Promise.all([producer.disconnect(), admin.disconnect()])
    }
    const { known, withoutLeader, underReplicated } = bed.since(bed.seen - 1)[0]?.partitions ?? {}
    assert.deepEqual(
      { known, withoutLeader, underReplicated },
      { known: 8, withoutLeader: 0, underReplicated: 0 },
    )
    const rates = bed.watches.rates('fronting-a')
    assert.ok((rates.get(busy) ?? 0) > (rates.get(quiet) ?? 0), JSON.stringify([...rates]))
  })

  it('sees one killed broker refuse, and nothing wrong with the others or the cluster', async () => {
    const place = bed.seen
    await cluster.killBroker(2)
    const { windows, rounds } = await seesOneAway(place, 2, 'refused')
    assert.ok(windows.every((window) => broker(window, 2)?.canary.ok === 0 || window === windows[0]))
    assert.ok(windows.every((window) => judgeWatchSecond(asSecond(window)) === 'through'))
    assert.ok((windows.at(-1)?.partitions?.underReplicated ?? 0) > 0, JSON.stringify(windows.at(-1)))
    assert.ok(
      rounds.every(({ watch }) => !watch.whole),
      inspect(rounds),
    )
    const spec = { name: 'fronting-a', role: 'fronting', bootstrap } as const
    const behind = await partitionsBehind(spec, placed, new AbortController().signal)
    assert.equal(behind, windows.at(-1)?.partitions?.underReplicated)
    await throughEachBroker(spec, new AbortController().signal)
    await cluster.startBroker(2)
    await bed.until('well again', isWhole, { count: 2 })
  })

  it('sees one hung broker be silent, and nothing wrong with the others or the cluster', async () => {
    const place = bed.seen
    cluster.pauseBroker(3)
    await seesOneAway(place, 3, 'silent')
    cluster.resumeBroker(3)
    await bed.until('well again', isWhole, { count: 2 })
  })

  it('sees a hung cluster be silent, ends although all hang, and sees the cluster wake up', async (t) => {
    const other = new WatchBed(t, { name: 'fronting-a', bootstrap })
    await other.until('another watch is well beside the first', (window) => isWell(window, 3), { count: 3 })
    bed.forget()
    await waitFor(() => bed.history.recent.some(({ blind }) => !blind), { describe: 'seeing again' })
    for (const id of ids) cluster.pauseBroker(id)
    const windowsBefore = await bed.until(
      'all silent',
      (window) => answers(window).every((one) => one === 'silent'),
      {
        count: 3,
      },
    )
    assert.ok(windowsBefore <= 2, `${windowsBefore} windows until it was seen`)
    await waitFor(() => bed.due.length > 0, { describe: 'a move is due', state: () => bed.history.recent })
    assert.match(bed.due[0] ?? '', /no broker answers/)
    await bed.until('no quorum', ({ quorum }) => quorum === 'silent')
    const startedMs = performance.now()
    await other.close()
    assert.ok(performance.now() - startedMs < 2000, 'closing does not wait for hung brokers')
    for (const id of ids) cluster.resumeBroker(id)
    await bed.until('well again', isWhole, { count: 2 })
  })

  it('sees a killed cluster refuse within two windows, also when it begins then, and finds it again', async (t) => {
    bed.forget()
    await waitFor(() => bed.history.recent.some(({ blind }) => !blind), { describe: 'seeing again' })
    await Promise.all(ids.map((id) => cluster.killBroker(id)))
    const windowsBefore = await bed.until(
      'all refuse',
      (window) => answers(window).every((one) => one === 'refused'),
      {
        count: 2,
      },
    )
    assert.ok(windowsBefore <= 1, `${windowsBefore} windows until it was seen`)
    await waitFor(() => bed.due.length > 0, { describe: 'a move is due', state: () => bed.history.recent })
    assert.match(bed.due[0] ?? '', /every broker refuses connections/)
    const late = new WatchBed(t, { name: 'fronting-a', bootstrap })
    await late.until('refused, though their ids are not known', (window) =>
      window.brokers.every(({ id, answer }) => id < 0 && answer === 'refused'),
    )
    assert.deepEqual(
      late.since(0)[0]?.brokers.map(({ id }) => id),
      [-1, -2, -3],
    )
    await Promise.all(ids.map((id) => cluster.startBroker(id)))
    await Promise.all(
      [bed, late].map((one) => one.until('well again', (window) => isWell(window, 3), { count: 2 })),
    )
    await bed.until('whole again', isWhole)
  })
})

/** Broker `id` answers so from two windows behind `place` on; the others are well, the rounds good, and no move is due. */
async function seesOneAway(place: number, id: number, answer: 'refused' | 'silent') {
  const windowsBefore = await bed.until(
    `broker ${id}: ${answer}`,
    (window) => broker(window, id)?.answer === answer,
    { count: twoRounds },
  )
  assert.ok(windowsBefore <= 2, `${windowsBefore} windows until it was seen`)
  const windows = bed.since(place)
  const others = windows.map((window) => ({
    ...window,
    brokers: window.brokers.filter((one) => one.id !== id),
  }))
  assert.ok(others.every((window) => isWell(window, 2)))
  const rounds = bed.history.rounds.slice(-2).filter((round) => round.kind === 'seen')
  assert.ok(rounds.length === 2 && rounds.every(({ watch }) => watch.kind === 'good'), inspect(rounds))
  assert.deepEqual(bed.due, [])
  return { windows, rounds }
}

/** Again and again until it is told to stop; the coordinator of a new group needs a moment, so failures are tried again. */
async function flow(turn: (index: number) => Promise<void>, stopped: AbortSignal): Promise<void> {
  for (let index = 1; !stopped.aborted; index += 1) {
    await turn(index).catch(() => undefined)
    await sleep(100)
  }
}

function asSecond(watch: Parameters<typeof isWell>[0]) {
  return { atMs: 0, wallMs: 0, watch, reports: [], liveProxies: 0 }
}

/** All three brokers, and all replicas in sync. */
function isWhole(window: Parameters<typeof isWell>[0]): boolean {
  const { withoutLeader, underReplicated } = window.partitions ?? {}
  return isWell(window, 3) && withoutLeader === 0 && underReplicated === 0
}
