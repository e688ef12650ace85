import { accessSync, constants, mkdtempSync, statfsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const memory = '/dev/shm'
const neededBytes = 6 * 2 ** 30

/** Where the brokers of tests keep their data: the folder of temporary files, or the one that `TEST_BROKER_DISK` names. */
export function brokerDisk(): string {
  return process.env.TEST_BROKER_DISK || tmpdir()
}

/**
 * Memory where there is plenty of it, else `brokerDisk`. For whole clusters that die and come back: a Kafka of 400 new partitions on one
 * disk that six JVMs share does nothing else for half a minute, which says something of the disk and nothing of us. Killed brokers find
 * their data again all the same; what a power cut does to them no test of ours asks.
 */
export function brokerMemory(): string {
  if (process.env.TEST_BROKER_DISK) return brokerDisk()
  try {
    accessSync(memory, constants.W_OK)
    const { bavail, bsize } = statfsSync(memory)
    return bavail * bsize >= neededBytes ? memory : brokerDisk()
  } catch {
    // There is none on this system.
    return brokerDisk()
  }
}

/** A new folder in one of them; whoever makes it removes it. */
export function brokerFolder(disk = brokerDisk()): string {
  return mkdtempSync(join(disk, 'forebay-test-'))
}
