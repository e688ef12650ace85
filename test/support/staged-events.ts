import type { StagedEvents } from '../../src/core/record.ts'

/** Events as the pipeline stages them: one body, bounds in pairs. */
export function stagedEvents(
  events: readonly (string | Buffer)[],
  extra: Partial<StagedEvents> = {},
): StagedEvents {
  const bounds: number[] = []
  const parts: Buffer[] = []
  let at = 0
  for (const event of events) {
    const bytes = Buffer.from(event)
    bounds.push(at, at + bytes.length)
    parts.push(bytes, Buffer.from('\n'))
    at += bytes.length + 1
  }
  return {
    body: Buffer.concat(parts),
    bounds,
    count: events.length,
    key: undefined,
    headers: [],
    arrivalMs: Date.now(),
    ...extra,
  }
}
