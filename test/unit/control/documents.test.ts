import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { checkDocuments, planChanges } from '../../../src/control/apply/plan-changes.ts'
import type {
  ControlState,
  ResourceKind,
  SpecOf,
  StoredResource,
} from '../../../src/control/store/control-store.ts'
import { Problem } from '../../../src/core/problems.ts'

const fronting = { kind: 'Cluster', name: 'fronting-a', role: 'fronting', bootstrap: ['localhost:9092'] }
const consumer = { kind: 'Cluster', name: 'consumer', role: 'consumer', bootstrap: ['[::1]:9093'] }
const topic = { kind: 'Topic', name: 'web.clicks', owner: 'web-team' }
const empty: ControlState = { Namespace: new Map(), Cluster: new Map(), Topic: new Map(), Route: new Map() }

const plan = (documents: readonly object[], state = empty) => planChanges(checkDocuments(documents), state)

/** The state after those documents, as if they had been committed. */
const stateWith = (...documents: readonly object[]) => plan(documents).after

function specOf<Kind extends ResourceKind>(kind: Kind, name: string, state: ControlState): SpecOf[Kind] {
  const found = (state[kind] as ReadonlyMap<string, StoredResource<Kind>>).get(name)
  assert.ok(found, `${kind} ${name} in ${JSON.stringify([...state[kind].keys()])}`)
  return found.spec
}

describe('documents', () => {
  it('become specs with units read and defaults filled in', () => {
    const after = stateWith(fronting, topic)
    assert.deepEqual(specOf('Topic', 'web.clicks', after), {
      name: 'web.clicks',
      owner: 'web-team',
      delivery: 'fast',
      cluster: 'fronting-a',
      partitions: 6,
      retentionMs: 28_800_000,
      maxEventBytes: 1_048_576,
      check: 'structure',
      eventId: 'none',
      compression: 'none',
      mediaTypes: [],
    })
    assert.deepEqual(specOf('Namespace', 'web', after), { name: 'web', owner: 'web-team' })
  })

  it('let a fronting cluster say whether topics come home by themselves, which they do when nothing is said', () => {
    assert.equal(specOf('Cluster', 'fronting-a', stateWith(fronting)).failback, 'auto')
    const manual = stateWith({ ...fronting, failback: 'manual' })
    assert.equal(specOf('Cluster', 'fronting-a', manual).failback, 'manual')
    assert.equal(specOf('Cluster', 'consumer', stateWith(consumer)).failback, undefined)
    assert.throws(
      () => plan([{ ...consumer, failback: 'auto' }]),
      /failback: only a fronting cluster is failed back to/,
    )
    assert.throws(() => plan([{ ...fronting, failback: 'never' }]), /failback: .*never/)
  })

  it('may speak of each other in any order', () => {
    const documents = [
      { kind: 'Route', topic: 'web.clicks', sink: { type: 'kafka' } },
      { kind: 'Route', topic: 'web.clicks', sink: { type: 'file', rotate: '1MiB' } },
      topic,
      { ...fronting, standby: 'standby-a' },
      { kind: 'Cluster', name: 'standby-a', role: 'standby', bootstrap: ['localhost:9094'] },
      consumer,
    ]
    const { changes, after } = plan(documents)
    assert.deepEqual(
      changes.map(({ kind, spec }) => `${kind} ${spec.name}`),
      [
        'Cluster standby-a',
        'Cluster consumer',
        'Cluster fronting-a',
        'Namespace web',
        'Topic web.clicks',
        'Route web.clicks.kafka',
        'Route web.clicks.file',
      ],
    )
    assert.deepEqual(specOf('Route', 'web.clicks.kafka', after).sink, {
      type: 'kafka',
      cluster: 'consumer',
      topic: 'web.clicks',
    })
    assert.deepEqual(specOf('Route', 'web.clicks.file', after).sink, {
      type: 'file',
      directory: 'web.clicks.file',
      rotateBytes: 2 ** 20,
    })
  })

  it('are unchanged the second time, also when a unit is written another way', () => {
    const state = stateWith(fronting, { ...topic, retention: '8h' })
    const [change] = plan([{ ...topic, retention: '480m', maxEventBytes: 1_048_576 }], state).changes
    assert.equal(change?.action, 'unchanged', JSON.stringify(change))
  })

  it('show what differs, by path', () => {
    const state = stateWith(fronting, topic)
    const [change] = plan([{ ...topic, retention: '1h', partitions: 12 }], state).changes
    assert.equal(change?.action, 'update')
    assert.deepEqual(change?.changes, [
      { path: 'partitions', from: 6, to: 12 },
      { path: 'retentionMs', from: 28_800_000, to: 3_600_000 },
    ])
  })

  it('that leave partitions out keep those that are there', () => {
    const state = stateWith(fronting, { ...topic, partitions: 12 })
    assert.equal(specOf('Topic', 'web.clicks', plan([topic], state).after).partitions, 12)
  })

  it('let an owner change when the namespace and its topics change together', () => {
    const state = stateWith(fronting, topic)
    const documents = [
      { kind: 'Namespace', name: 'web', owner: 'data-team' },
      { ...topic, owner: 'data-team' },
    ]
    assert.equal(specOf('Namespace', 'web', plan(documents, state).after).owner, 'data-team')
  })

  const ready = stateWith(fronting, consumer, topic, {
    kind: 'Route',
    topic: 'web.clicks',
    sink: { type: 'file' },
  })
  const refused: readonly (readonly [string, object, string, RegExp])[] = [
    [
      'a mistyped key',
      { ...topic, retension: '1h' },
      'invalid-document',
      /retension.*did you mean "retention"/,
    ],
    ['a mistyped kind', { kind: 'Topik' }, 'invalid-document', /did you mean "Topic"/],
    ['no kind', { name: 'a.b' }, 'invalid-document', /kind: is missing/],
    ['no owner', { kind: 'Topic', name: 'web.clicks' }, 'invalid-document', /owner: is missing/],
    [
      'another owner than the namespace',
      { ...topic, name: 'web.views', owner: 'x' },
      'invalid-document',
      /namespace web belongs to web-team, so x cannot own/,
    ],
    [
      'a namespace taken from its topics',
      { kind: 'Namespace', name: 'web', owner: 'x' },
      'invalid-document',
      /belongs to x, so web-team/,
    ],
    ['a name without a dot', { ...topic, name: 'clicks' }, 'invalid-document', /namespace\.topic/],
    [
      'a name that is Kafka-internal',
      { ...topic, name: '__web.clicks' },
      'invalid-document',
      /namespace\.topic/,
    ],
    ['a name with a slash', { ...topic, name: 'web.a/b' }, 'invalid-document', /namespace\.topic/],
    ['a name of 201 characters', { ...topic, name: `web.${'x'.repeat(197)}` }, 'invalid-document', /200/],
    [
      'a duration without sense',
      { ...topic, retention: 'soon' },
      'invalid-document',
      /"soon" is not a duration/,
    ],
    ['a size without sense', { ...topic, maxEventBytes: '1 lot' }, 'invalid-document', /is not a size/],
    ['an event of no size', { ...topic, maxEventBytes: 0 }, 'invalid-document', /maxEventBytes/],
    ['an event beyond 64 MiB', { ...topic, maxEventBytes: '65MiB' }, 'invalid-document', /64MiB/],
    ['no partitions', { ...topic, partitions: 0 }, 'invalid-document', /partitions/],
    ['fewer partitions', { ...topic, partitions: 5 }, 'invalid-document', /only grow: there are 6/],
    ['partitions as text', { ...topic, partitions: '6' }, 'invalid-document', /partitions/],
    [
      'an unknown delivery class',
      { ...topic, delivery: 'durible' },
      'invalid-document',
      /did you mean "durable"/,
    ],
    ['another delivery class', { ...topic, delivery: 'durable' }, 'not-supported-yet', /delivery/],
    ['a quota', { ...topic, quota: { eventsPerSecond: 1 } }, 'not-supported-yet', /quota/],
    ['a key', { ...topic, key: '/id' }, 'not-supported-yet', /key/],
    ['a schema', { ...topic, schema: {} }, 'not-supported-yet', /schema/],
    [
      'a cluster that is not there',
      { ...topic, cluster: 'nowhere' },
      'invalid-document',
      /no cluster nowhere/,
    ],
    [
      'a topic on a consumer cluster',
      { ...topic, cluster: 'consumer' },
      'invalid-document',
      /is a consumer cluster/,
    ],
    [
      'a route of an unknown topic',
      { kind: 'Route', topic: 'web.x', sink: { type: 'file' } },
      'invalid-document',
      /no topic web\.x/,
    ],
    [
      'a sink to come',
      { kind: 'Route', topic: 'web.clicks', sink: { type: 's3' } },
      'not-supported-yet',
      /s3/,
    ],
    [
      'an unknown sink',
      { kind: 'Route', topic: 'web.clicks', sink: { type: 'kafak' } },
      'invalid-document',
      /did you mean "kafka"/,
    ],
    [
      'a filter',
      { kind: 'Route', topic: 'web.clicks', sink: { type: 'file' }, filter: 'x' },
      'not-supported-yet',
      /filter/,
    ],
    [
      'exactly-once',
      { kind: 'Route', topic: 'web.clicks', sink: { type: 'kafka' }, guarantee: 'exactly-once' },
      'not-supported-yet',
      /exactly-once/,
    ],
    [
      'a key in the wrong sink',
      { kind: 'Route', topic: 'web.clicks', sink: { type: 'kafka', directory: 'x' } },
      'invalid-document',
      /sink\.directory: unknown key/,
    ],
    [
      'a directory that climbs',
      { kind: 'Route', name: 'r', topic: 'web.clicks', sink: { type: 'file', directory: '../x' } },
      'invalid-document',
      /climb/,
    ],
    [
      'two routes into one directory',
      { kind: 'Route', name: 'r', topic: 'web.clicks', sink: { type: 'file', directory: 'web.clicks.file' } },
      'invalid-document',
      /same place/,
    ],
    ['a broker without a port', { ...fronting, bootstrap: ['localhost'] }, 'invalid-document', /host:port/],
    [
      'a role changed under topics',
      { ...fronting, role: 'consumer' },
      'conflict',
      /topic web\.clicks uses it/,
    ],
    [
      'a standby of a standby',
      { kind: 'Cluster', name: 's', role: 'standby', bootstrap: ['h:1'], standby: 'consumer' },
      'invalid-document',
      /only a fronting/,
    ],
    ['a list', [] as unknown as object, 'invalid-document', /mapping/],
  ]
  for (const [what, document, problem, sentence] of refused) {
    it(`refuse ${what}`, () => {
      assert.throws(
        () => plan([document], ready),
        (error: unknown) => {
          assert.ok(error instanceof Problem, String(error))
          assert.equal(error.problem, problem, error.message)
          assert.match(error.message, sentence)
          return true
        },
      )
    })
  }

  it('refuse one resource twice, and name the document that is wrong', () => {
    assert.throws(() => plan([topic, topic], ready), /Topic web\.clicks is there twice/)
    assert.throws(() => plan([topic, { kind: 'Topc' }], ready), /document 2: /)
  })

  it('cannot find a cluster where there are two to choose from', () => {
    const second = { ...fronting, name: 'fronting-b' }
    assert.throws(
      () => stateWith(fronting, second, topic),
      /cluster: is missing: one of fronting-a, fronting-b/,
    )
    assert.throws(() => stateWith(topic), /no fronting cluster yet/)
  })
})
