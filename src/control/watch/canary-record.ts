/** A record of a canary partition. Which watch wrote it, so that two that watch one cluster do not take each other's for their own. */
export interface CanaryRecord {
  readonly watch: string
  /** Grows by one with each record of this watch on this partition. */
  readonly index: number
  /** Wall clock, for people who look into the topic. */
  readonly wallMs: number
}

export function encodeCanary(record: CanaryRecord): Buffer {
  return Buffer.from(JSON.stringify(record))
}

/** `undefined` for anything else that somebody wrote there. */
export function decodeCanary(value: Buffer | null): CanaryRecord | undefined {
  if (value === null) return undefined
  try {
    const record = JSON.parse(value.toString()) as Partial<CanaryRecord> | null
    const { watch, index, wallMs } = record ?? {}
    if (typeof watch !== 'string' || !Number.isSafeInteger(index) || typeof wallMs !== 'number')
      return undefined
    return { watch, index: index as number, wallMs }
  } catch {
    // Not JSON, so not ours.
    return undefined
  }
}
