import { createInterface } from 'node:readline'
import { parseArgs } from 'node:util'
import { Producer } from '@platformatic/kafka'
import { Histogram } from '../report/histogram.ts'

/**
 * Gives the brokers a load that no measured server gives: that of the other contenders while the floor is measured, or a probe of what
 * an ack takes. Lines on stdin: `run EVENTS_PER_SECOND`, `stop`, which is answered by a line of JSON: ack times in µs. Says `ready`.
 */
const { values } = parseArgs({
  options: {
    bootstrap: { type: 'string', default: '' },
    topic: { type: 'string', default: '' },
    acks: { type: 'string', default: '1' },
    'event-bytes': { type: 'string', default: '300' },
    'per-send': { type: 'string', default: '100' },
  },
})
const { topic } = values
const acks = values.acks === '-1' ? -1 : 1
const perSend = Number(values['per-send'])
const producer = new Producer({ clientId: 'background', bootstrapBrokers: values.bootstrap.split(','), acks })
const value = Buffer.alloc(Number(values['event-bytes']), 'x')
const messages = Array.from({ length: perSend }, () => ({ topic, value }))
/** More than this unanswered: the brokers cannot take the rate, and it skips. */
const mostUnderWay = 50

let ackTimes = new Histogram()
const underWay = new Set<Promise<void>>()
let ticking: NodeJS.Timeout | undefined

function run(eventsPerSecond: number): void {
  ackTimes = new Histogram()
  const startMs = performance.now()
  let sent = 0
  ticking = setInterval(() => {
    const due = ((performance.now() - startMs) / 1000) * eventsPerSecond
    for (; sent + perSend <= due; sent += perSend) if (underWay.size < mostUnderWay) watch(send())
  }, 2)
}

function watch(sending: Promise<void>): void {
  underWay.add(sending)
  void sending.finally(() => underWay.delete(sending))
}

/** At least one ack is told. */
async function stop(): Promise<void> {
  await Promise.all(underWay)
  if (ackTimes.count === 0) await send()
  console.log(JSON.stringify({ ackTimes: ackTimes.quantiles() }))
}

/** Never rejects. */
async function send(): Promise<void> {
  const startMs = performance.now()
  try {
    await producer.send({ acks, messages })
    ackTimes.add((performance.now() - startMs) * 1000)
  } catch (error) {
    console.error('a background send failed', error)
  }
}

createInterface({ input: process.stdin }).on('line', (line) => {
  const [verb, rate] = line.split(' ')
  clearInterval(ticking)
  if (verb === 'run') run(Number(rate))
  else void stop()
})
// The first send fetches the metadata.
await producer.send({ acks, messages })
console.log('ready')
