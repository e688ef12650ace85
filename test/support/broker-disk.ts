import { accessSync, constants, mkdtempSync, statfsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const memory = '/dev/shm'
const neededBytes = 6 * 2 ** 30

/**
 * Where the brokers of tests keep their data: in memory where there is plenty of it. A Kafka of 400 new partitions on one disk that
 * six JVMs share does nothing else for half a minute, which says something of the disk and nothing of us. Killed brokers find their
 * data again all the same; what a power cut does to them no test of ours asks.
 */
export function brokerDisk(): string {
  const given = process.env.TEST_BROKER_DISK
  if (given !== undefined && given !== '') return given
  try {
    accessSync(memory, constants.W_OK)
    const { bavail, bsize } = statfsSync(memory)
    return bavail * bsize >= neededBytes ? memory : tmpdir()
  } catch {
    // There is none on this system.
    return tmpdir()
  }
}

/** A new folder there; whoever makes it removes it. */
export function brokerFolder(): string {
  return mkdtempSync(join(brokerDisk(), 'forebay-test-'))
}
