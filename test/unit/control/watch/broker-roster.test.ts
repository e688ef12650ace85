import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { BrokerRoster } from '../../../../src/control/watch/broker-roster.ts'

const broker = (nodeId: number, port = 9000 + nodeId, host = '10.0.0.1') => ({ nodeId, host, port })
const address = (port: number, host = '10.0.0.1') => ({ host, port })
const bootstrap = [address(9001), address(9002), address(9003)]
const minuteMs = 60_000

const ids = (roster: BrokerRoster) => roster.entries().map(({ id }) => id)

describe('the brokers of a cluster', () => {
  it('are the addresses of the bootstrap list until one answers', () => {
    const roster = new BrokerRoster(bootstrap)
    assert.deepEqual(roster.entries(), [
      { id: -1, address: address(9001) },
      { id: -2, address: address(9002) },
      { id: -3, address: address(9003) },
    ])
    roster.heard(-2, [broker(1), broker(2), broker(3)], false, 0)
    assert.deepEqual(ids(roster).sort(), [1, 2, 3])
  })

  it('keep an address of which no broker is known, as it may be a dead one', () => {
    const roster = new BrokerRoster(bootstrap)
    roster.heard(-1, [broker(1), broker(2)], true, 0)
    assert.deepEqual(ids(roster).sort(), [-3, 1, 2])
    roster.heard(1, [broker(1), broker(2), broker(3)], true, 1000)
    assert.deepEqual(ids(roster).sort(), [1, 2, 3])
  })

  it('drop another name of a broker once it answers', () => {
    const roster = new BrokerRoster([address(9001, 'balancer')])
    roster.heard(-1, [broker(1), broker(2)], true, 0)
    assert.deepEqual(ids(roster).sort(), [1, 2])
  })

  it('do not shrink because metadata leave out the dead', () => {
    const roster = new BrokerRoster(bootstrap)
    roster.heard(-1, [broker(1), broker(2), broker(3)], true, 0)
    roster.heard(1, [broker(1), broker(2)], true, 5 * minuteMs)
    roster.heard(1, [broker(1), broker(2)], true, 14 * minuteMs)
    assert.deepEqual(ids(roster).sort(), [1, 2, 3])
  })

  it('forget one that was left out for ten minutes on end while there was a quorum', () => {
    const roster = new BrokerRoster(bootstrap)
    roster.heard(-1, [broker(1), broker(2), broker(3)], true, 0)
    roster.heard(1, [broker(1), broker(2)], true, minuteMs)
    roster.heard(1, [broker(1), broker(2)], true, 11 * minuteMs)
    assert.deepEqual(ids(roster).sort(), [1, 2])
  })

  it('forget nobody by the word of a cluster without a quorum', () => {
    const roster = new BrokerRoster(bootstrap)
    roster.heard(-1, [broker(1), broker(2), broker(3)], true, 0)
    for (let minute = 1; minute < 30; minute += 1)
      roster.heard(1, [broker(1)], minute % 9 === 0, minute * minuteMs)
    assert.deepEqual(ids(roster).sort(), [1, 2, 3])
  })

  it('follow a broker to its new address and keep the entry of one that stays', () => {
    const roster = new BrokerRoster(bootstrap)
    roster.heard(-1, [broker(1), broker(2)], true, 0)
    const [before] = roster.entries().filter(({ id }) => id === 1)
    roster.heard(1, [broker(1), broker(2, 9999)], true, 1000)
    const after = new Map(roster.entries().map((entry) => [entry.id, entry.address]))
    assert.equal(after.get(1), before?.address, 'the same object: nothing is connected anew')
    assert.deepEqual(after.get(2), address(9999))
  })

  it('are looked for at the bootstrap addresses again when all known ones stay silent', () => {
    const roster = new BrokerRoster([address(9001, 'balancer')])
    roster.heard(-1, [broker(1)], true, 0)
    roster.nobodyAnswered(9000)
    assert.deepEqual(ids(roster), [1])
    roster.nobodyAnswered(10_000)
    assert.deepEqual(ids(roster).sort(), [-1, 1])
  })

  it('are not changed by an answer without brokers', () => {
    const roster = new BrokerRoster(bootstrap)
    roster.heard(-1, [], true, 0)
    assert.deepEqual(ids(roster).sort(), [-1, -2, -3])
  })
})
