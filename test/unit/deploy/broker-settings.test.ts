import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { brokerSettings, propertiesText } from '../../../deploy/local/broker-settings.ts'
import { exitReason } from '../../../deploy/local/kafka-cluster.ts'

const spec = (port: number, rack: string) => ({ port, controllerPort: port + 5, rack })
const dataDirectory = '/data/broker-1/data'

describe('the settings of a local broker', () => {
  test('name every controller, the rack, and the deadlines of the semantics', () => {
    const brokers = [spec(101, 'a'), spec(102, 'b'), spec(103, 'c')]
    const settings = brokerSettings({ id: 2, brokers, dataDirectory, extra: {} })
    const expected = {
      'node.id': '2',
      'broker.rack': 'b',
      'controller.quorum.voters': '1@127.0.0.1:106,2@127.0.0.1:107,3@127.0.0.1:108',
      'broker.session.timeout.ms': '3000',
      'broker.heartbeat.interval.ms': '500',
      'replica.lag.time.max.ms': '10000',
      'auto.create.topics.enable': 'false',
      'offsets.topic.replication.factor': '3',
      'transaction.state.log.replication.factor': '3',
      'transaction.state.log.min.isr': '2',
    }
    for (const [key, value] of Object.entries(expected)) assert.equal(settings[key], value, key)
  })

  test('a single broker keeps the internal topics alone', () => {
    const settings = brokerSettings({ id: 1, brokers: [spec(101, 'a')], dataDirectory, extra: {} })
    assert.equal(settings['offsets.topic.replication.factor'], '1')
    assert.equal(settings['transaction.state.log.min.isr'], '1')
  })

  test('everything listens on 127.0.0.1; an advertised port is for clients only', () => {
    const advertised = { port: 201, internalPort: 202 }
    const settings = brokerSettings({
      id: 1,
      brokers: [{ ...spec(101, 'a'), advertised }],
      dataDirectory,
      extra: {},
    })
    assert.equal(
      settings.listeners,
      'PLAINTEXT://127.0.0.1:101,INTERNAL://127.0.0.1:202,CONTROLLER://127.0.0.1:106',
    )
    assert.equal(settings['advertised.listeners'], 'PLAINTEXT://127.0.0.1:201,INTERNAL://127.0.0.1:202')
    assert.equal(settings['inter.broker.listener.name'], 'INTERNAL')
  })

  test('dedicated controllers vote and hold no data, dedicated brokers the other way round', () => {
    const brokers = [
      { ...spec(101, 'a'), role: 'controller' },
      { ...spec(102, 'b'), role: 'broker', advertised: { port: 201, internalPort: 202, host: 'b.test' } },
    ] as const
    const controller = brokerSettings({ id: 1, brokers, dataDirectory, extra: {} })
    assert.equal(controller['process.roles'], 'controller')
    assert.equal(controller.listeners, 'CONTROLLER://127.0.0.1:106')
    assert.equal(controller['advertised.listeners'], undefined)
    const broker = brokerSettings({ id: 2, brokers, dataDirectory, extra: {} })
    assert.equal(broker['process.roles'], 'broker')
    assert.equal(broker.listeners, 'PLAINTEXT://127.0.0.1:102,INTERNAL://127.0.0.1:202')
    assert.equal(broker['advertised.listeners'], 'PLAINTEXT://b.test:201,INTERNAL://127.0.0.1:202')
    for (const settings of [controller, broker]) {
      assert.equal(settings['controller.quorum.voters'], '1@127.0.0.1:106')
      assert.equal(settings['offsets.topic.replication.factor'], '1')
    }
  })

  test('what a test asks for wins', () => {
    const extra = { 'replica.lag.time.max.ms': '1' }
    const settings = brokerSettings({ id: 1, brokers: [spec(101, 'a')], dataDirectory, extra })
    assert.equal(settings['replica.lag.time.max.ms'], '1')
  })

  test('are written as Java reads them', () => {
    assert.equal(propertiesText({ a: '1', 'log.dirs': 'C:\\x' }), 'a=1\nlog.dirs=C:\\\\x\n')
  })
})

describe('the reason why a broker ended', () => {
  const cases: [string, string | undefined][] = [
    ['java.io.IOException: No space left on device', 'the disk is full'],
    ['Caused by: java.net.BindException: Address already in use', 'its port is taken'],
    [
      'KafkaException: Socket server failed to bind to 127.0.0.1:19010: Address already in use.',
      'its port 19010 is taken',
    ],
    ['java.lang.OutOfMemoryError: Java heap space', 'it ran out of memory'],
    ['all is well', undefined],
  ]
  for (const [log, reason] of cases) test(`${reason}: ${log}`, () => assert.equal(exitReason(log), reason))
})
