import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { Kafka, logLevel } from 'kafkajs'
import { kafkaRuntime } from '../../deploy/local/kafka-runtime.ts'
import { waitFor } from './wait-for.ts'

/** A record as kafkajs reads it, which shares no wire code with Forebay. */
export interface ReadRecord {
  readonly partition: number
  readonly offset: bigint
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly headers: Readonly<Record<string, Buffer | string | (Buffer | string)[] | undefined>>
  /** Milliseconds since 1970. */
  readonly timestamp: number
}

export interface ReadOptions {
  /** Default 30 s: rejects when the ends of all partitions were not reached by then. */
  readonly timeoutMs?: number
}

/** Every record that is in the topic when it is called, sorted by partition and offset. */
export async function readAll(
  bootstrap: readonly string[],
  topic: string,
  options: ReadOptions = {},
): Promise<ReadRecord[]> {
  const records: ReadRecord[] = []
  await readEach(bootstrap, topic, (record) => void records.push(record), options)
  return records.sort((a, b) => a.partition - b.partition || Number(a.offset - b.offset))
}

/**
 * Calls `onRecord` with every record that is in the topic when it is called, partitions in no order, and resolves with their number.
 * Keeps none, and leaves no group behind.
 */
export async function readEach(
  bootstrap: readonly string[],
  topic: string,
  onRecord: (record: ReadRecord) => void,
  { timeoutMs = 30_000 }: ReadOptions = {},
): Promise<number> {
  const kafka = new Kafka({
    clientId: 'independent-reader',
    brokers: [...bootstrap],
    logLevel: logLevel.NOTHING,
    retry: { retries: 5 },
  })
  const admin = kafka.admin()
  await admin.connect()
  const groupId = `independent-reader-${process.pid}-${performance.now()}`
  const consumer = kafka.consumer({ groupId, allowAutoTopicCreation: false, maxWaitTimeInMs: 100 })
  try {
    // kafkajs does not ask again when a broker that has just started does not know yet that it leads.
    const ends = await waitFor(() => admin.fetchTopicOffsets(topic), {
      describe: `the offsets of ${topic}`,
      timeoutMs,
    })
    const missing = new Map(
      ends
        .filter(({ low, high }) => BigInt(high) > BigInt(low))
        .map(({ partition, high }) => [partition, BigInt(high)]),
    )
    let records = 0
    if (missing.size === 0) return records
    await consumer.connect()
    await consumer.subscribe({ topics: [topic], fromBeginning: true })
    const done = Promise.withResolvers<void>()
    await consumer.run({
      autoCommit: false,
      eachBatch: async ({ batch }) => {
        const end = missing.get(batch.partition)
        if (end === undefined) return
        for (const message of batch.messages) {
          if (BigInt(message.offset) >= end) continue
          records += 1
          onRecord({
            partition: batch.partition,
            offset: BigInt(message.offset),
            key: message.key,
            value: message.value,
            headers: message.headers ?? {},
            timestamp: Number(message.timestamp),
          })
        }
        if (BigInt(batch.lastOffset()) + 1n >= end) missing.delete(batch.partition)
        if (missing.size === 0) done.resolve()
      },
    })
    const late = sleep(timeoutMs, undefined, { ref: false }).then(() => {
      const left = [...missing].map(([partition, end]) => `${partition} (to ${end})`).join(', ')
      throw new Error(`${topic}: partitions ${left} not read in ${timeoutMs} ms; ${records} records so far`)
    })
    await Promise.race([done.promise, late])
    return records
  } finally {
    await consumer.disconnect()
    await admin.deleteGroups([groupId]).catch(() => undefined)
    await admin.disconnect()
  }
}

export interface ConsoleConsumerOptions {
  /** The consumer ends after this many; without it, when nothing came for `idleMs`. */
  readonly maxMessages?: number
  /** Default 5 s. */
  readonly idleMs?: number
}

/**
 * The values as Kafka's own console consumer prints them: the bytes exactly, as long as no value contains the separator.
 */
export async function consoleConsumer(
  bootstrap: readonly string[],
  topic: string,
  { maxMessages, idleMs = 5000 }: ConsoleConsumerOptions = {},
): Promise<Buffer[]> {
  const { java, jars, fastStart } = await kafkaRuntime(() => undefined)
  const args = [
    ...fastStart,
    '-Xmx256m',
    '-XX:+UseSerialGC',
    '-XX:TieredStopAtLevel=1',
    '-Dorg.slf4j.simpleLogger.defaultLogLevel=error',
  ]
  args.push('-cp', `${jars}/*`, 'org.apache.kafka.tools.consumer.ConsoleConsumer')
  args.push('--bootstrap-server', bootstrap.join(','), '--topic', topic, '--from-beginning')
  args.push('--timeout-ms', String(idleMs))
  args.push('--formatter-property', `line.separator=${separator}`)
  if (maxMessages !== undefined) args.push('--max-messages', String(maxMessages))
  const child = spawn(java, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  const parts: Buffer[] = []
  let problems = ''
  child.stdout.on('data', (part: Buffer) => parts.push(part))
  child.stderr.on('data', (part: Buffer) => {
    problems += part.toString()
  })
  const [code] = await once(child, 'close')
  // 1 is also its answer to "nothing more came".
  if (code !== 0 && !problems.includes('TimeoutException') && problems.trim() !== '') {
    throw new Error(`the console consumer failed (exit ${code}): ${problems}`)
  }
  return split(Buffer.concat(parts), Buffer.from(separator))
}

const separator = '\n=forebay-record-end=\n'

function split(output: Buffer, by: Buffer): Buffer[] {
  const values: Buffer[] = []
  let start = 0
  for (let end = output.indexOf(by, start); end !== -1; end = output.indexOf(by, start)) {
    values.push(output.subarray(start, end))
    start = end + by.length
  }
  return values
}
