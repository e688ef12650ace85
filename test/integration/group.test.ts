import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { describe, it, type TestContext } from 'node:test'
import { promisify } from 'node:util'
import { findJava } from '../../deploy/local/java.ts'
import { kafkaJars } from '../../deploy/local/kafka-jars.ts'
import { systemClock } from '../../src/core/clock.ts'
import { GroupCoordinators } from '../../src/kafka/group-coordinators.ts'
import { GroupMember } from '../../src/kafka/group-member.ts'
import type { LogPosition } from '../../src/kafka/offsets.ts'
import { sharedClusters } from '../support/kafka.ts'
import { testProducer } from '../support/router-bed.ts'
import { makeTopic, uniqueTopic } from '../support/topics.ts'
import { waitFor } from '../support/wait-for.ts'

const partitions = 4

/** A member that remembers what it was told. */
class Told {
  readonly member: GroupMember
  readonly assigned = new Map<number, LogPosition | undefined>()
  readonly revoked: number[] = []
  readonly lost: number[] = []
  readonly warnings: unknown[] = []
  beforeRevocation: (partitions: readonly number[]) => Promise<unknown> = async () => undefined

  constructor(coordinators: GroupCoordinators, topic: string, heartbeatMs: number) {
    this.member = new GroupMember({
      coordinators,
      groupId: `forebay.${topic}`,
      topic,
      times: { sessionTimeoutMs: 6000, rebalanceTimeoutMs: 20_000 },
      heartbeatMs,
      clock: systemClock,
      partitionCount: async () => partitions,
      knownPartitionCount: () => partitions,
      warn: (detail, message) => void this.warnings.push({ ...detail, message }),
      listener: {
        onAssigned: (some) => {
          for (const [partition, position] of some) this.assigned.set(partition, position)
        },
        onRevoked: async (some) => {
          await this.beforeRevocation(some)
          this.revoked.push(...some)
        },
        onLost: (some) => void this.lost.push(...some),
      },
    })
  }

  get owned(): number[] {
    return [...this.member.owned].sort((a, b) => a - b)
  }

  async owns(count: number): Promise<void> {
    await waitFor(() => this.member.owned.size === count, {
      describe: `${count} partitions`,
      state: () => ({ owned: this.owned, warnings: this.warnings }),
    })
  }
}

async function groupOn(t: TestContext, name: string) {
  const { fronting } = await sharedClusters()
  const topic = uniqueTopic(name)
  t.after(await makeTopic(fronting.bootstrap, topic, { partitions, replicas: 2 }))
  const coordinators = new GroupCoordinators({
    bootstrap: fronting.bootstrap,
    clientId: 'group-test',
    requestTimeoutMs: 5000,
  })
  t.after(() => coordinators.close())
  const join = (heartbeatMs = 500) => {
    const told = new Told(coordinators, topic, heartbeatMs)
    told.member.start()
    t.after(() => told.member.stop())
    return told
  }
  return { topic, bootstrap: fronting.bootstrap, join }
}

function at(offset: number, ...some: readonly number[]): ReadonlyMap<number, LogPosition> {
  return new Map(some.map((partition) => [partition, { offset, leaderEpoch: 0 }]))
}

describe('a group member', () => {
  it('is seen by Kafka’s own tool, with its partitions and its lag', async (t) => {
    const { topic, bootstrap, join } = await groupOn(t, 'group.seen')
    const produce = await testProducer(t, bootstrap)
    for (let partition = 0; partition < partitions; partition += 1) {
      await produce(
        topic,
        partition,
        Array.from({ length: 10 }, () => ({ value: 'x' })),
      )
    }
    const told = join()
    await told.owns(partitions)
    assert.deepEqual([...told.assigned.values()], [undefined, undefined, undefined, undefined])
    assert.equal(await told.member.commit(at(7, 0, 1, 2, 3)), 'committed')
    const silent = () => undefined
    const [java, jars] = await Promise.all([findJava(silent), kafkaJars(silent)])
    const { stdout } = await promisify(execFile)(java, [
      ...['-Xmx128m', '-XX:TieredStopAtLevel=1', '-cp', `${jars}/*`],
      'org.apache.kafka.tools.consumer.group.ConsumerGroupCommand',
      ...['--bootstrap-server', bootstrap.join(','), '--describe', '--group', `forebay.${topic}`],
    ])
    const rows = stdout
      .split('\n')
      .map((line) => line.trim().split(/\s+/))
      .filter(([group]) => group === `forebay.${topic}`)
    assert.equal(rows.length, partitions, stdout)
    for (const [, name, , committed, end, lag, member] of rows) {
      assert.deepEqual([name, committed, end, lag], [topic, '7', '10', '3'], stdout)
      assert.match(member ?? '', /^group-test-/)
    }
    await told.member.stop()
    assert.deepEqual(told.revoked.sort(), [0, 1, 2, 3])
  })

  it('commits what it gives up before another one gets it', async (t) => {
    const { join } = await groupOn(t, 'group.handover')
    const first = join()
    await first.owns(partitions)
    const outcomes: unknown[] = []
    first.beforeRevocation = async (some) => {
      outcomes.push(await first.member.commit(at(42, ...some)))
    }
    const second = join()
    await Promise.all([first.owns(2), second.owns(2)])
    assert.deepEqual([...first.owned, ...second.owned].sort(), [0, 1, 2, 3])
    assert.deepEqual(first.revoked.sort(), second.owned)
    assert.deepEqual(outcomes, ['committed'])
    assert.deepEqual(
      [...second.assigned.values()].map((position) => position?.offset),
      [42, 42],
    )
    await first.member.stop()
    await second.owns(4)
    assert.deepEqual(
      [...second.assigned.values()].map((position) => position?.offset),
      [42, 42, 42, 42],
    )
    await second.member.stop()
  })

  it('commits nothing any more when the group went on without it', async (t) => {
    const { join } = await groupOn(t, 'group.fenced')
    const silent = join(3_600_000)
    await silent.owns(partitions)
    assert.equal(await silent.member.commit(at(5, 0, 1, 2, 3)), 'committed')
    const other = join()
    await other.owns(partitions)
    assert.equal(await other.member.commit(at(9, 0, 1, 2, 3)), 'committed')
    assert.equal(await silent.member.commit(at(6, 0, 1, 2, 3)), 'not-owned')
    assert.deepEqual(silent.lost.sort(), [0, 1, 2, 3])
    assert.deepEqual(silent.revoked, [])
    // It may be a member again by now, but nothing that it read is committed.
    await Promise.all([other.member.stop(), silent.member.stop()])
    const third = join()
    await third.owns(partitions)
    const positions = [...third.assigned.values()].map((position) => position?.offset)
    assert.deepEqual(positions, [9, 9, 9, 9])
    await third.member.stop()
  })
})
