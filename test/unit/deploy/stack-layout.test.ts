import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { clusterDocuments, sampleDocuments } from '../../../deploy/local/sample-documents.ts'
import { processUrl, type StackLayout, stackLayout, stackPaths } from '../../../deploy/local/stack-layout.ts'

function allPorts({ ports, hookPort, clusters }: StackLayout): number[] {
  const brokers = clusters.flatMap((cluster) => cluster.brokers.flatMap((b) => [b.port, b.controllerPort]))
  return [...Object.values(ports), hookPort, ...brokers]
}

describe('the layout of the local stack', () => {
  test('with a port base, everything is in N..N+99 and no port is used twice', () => {
    const ports = allPorts(stackLayout('/data', 21_000))
    assert.equal(new Set(ports).size, ports.length)
    assert.ok(Math.min(...ports) >= 21_000 && Math.max(...ports) <= 21_099, ports.join(' '))
  })

  test('without one, the processes have their well-known ports and Kafka counts from 19000', () => {
    const layout = stackLayout('/data', undefined)
    assert.deepEqual(layout.ports, { proxy: 8080, control: 8081, router: 8082 })
    assert.equal(processUrl(layout, 'proxy'), 'http://127.0.0.1:8080')
    const ports = allPorts(layout)
    assert.equal(new Set(ports).size, ports.length)
    for (const port of ports.slice(3)) assert.ok(port >= 19_000 && port < 19_100, String(port))
  })

  test('has three fronting brokers on racks a, b and c, one each for standby and consumer, and one that sleeps', () => {
    const shape = stackLayout('/data', 1024).clusters.map(({ name, brokers }) => [
      name,
      brokers.map(({ rack }) => rack),
    ])
    assert.deepEqual(shape, [
      ['fronting-a', ['a', 'b', 'c']],
      ['standby-a', ['a', 'b']],
      ['consumer', ['a']],
    ])
  })

  test('a broker that sleeps has no vote and no client is told of it', () => {
    const layout = stackLayout('/data', 21_000)
    const sleepers = layout.clusters.flatMap(({ brokers }) => brokers.filter(({ asleep }) => asleep === true))
    assert.deepEqual(
      sleepers.map(({ port, role }) => [port, role]),
      [[21_021, 'broker']],
    )
    assert.deepEqual(clusterDocuments(layout)[0]?.bootstrap, ['127.0.0.1:21020'])
  })

  test('--fresh deletes only what the stack made, never its folder', () => {
    for (const path of stackPaths('/home/me').data) assert.match(path, /^\/home\/me\/\w+$/)
  })
})

describe('what the stack tells the control plane', () => {
  test('a standby comes before the cluster that names it', () => {
    const documents = clusterDocuments(stackLayout('/data', 21_000))
    assert.deepEqual(
      documents.map(({ name, role, standby }) => [name, role, standby]),
      [
        ['standby-a', 'standby', undefined],
        ['consumer', 'consumer', undefined],
        ['fronting-a', 'fronting', 'standby-a'],
      ],
    )
    assert.deepEqual(documents[2]?.bootstrap, ['127.0.0.1:21010', '127.0.0.1:21011', '127.0.0.1:21012'])
  })

  test('a fast and a durable sample topic, each routed to every sink that runs', () => {
    assert.deepEqual(
      sampleDocuments(['kafka', 'file']).map(({ kind, name, delivery }) => [kind, name, delivery]),
      [
        ['Topic', 'sample.events', 'fast'],
        ['Topic', 'sample.orders', 'durable'],
        ['Route', 'sample.events.kafka', undefined],
        ['Route', 'sample.events.file', undefined],
        ['Route', 'sample.orders.kafka', undefined],
        ['Route', 'sample.orders.file', undefined],
      ],
    )
    assert.equal(sampleDocuments(['file']).filter(({ kind }) => kind === 'Route').length, 2)
  })
})
