import type { TopicPlacement } from '../../core/placement.ts'
import type { StagedEvents } from '../../core/record.ts'
import { UuidV7, uuidLength } from '../../core/uuid-v7.ts'
import { encodeFrame, encodeFrameWithVarying, type RecordFrame } from '../../kafka/record-batch-builder.ts'

const idHeader = Buffer.from('forebay_id')
const plainFrame = encodeFrame(undefined, [])
const ids = new UuidV7()

/** Key and headers of a request's records; with `eventId: header` an id of its own for each, unless the client gave one. */
export function encodeRequestFrame(placement: TopicPlacement, events: StagedEvents): RecordFrame {
  const { key, headers } = events
  if (placement.eventId === 'header' && !headers.some(({ name }) => name.equals(idHeader))) {
    return encodeFrameWithVarying(key, headers, idHeader, uuidLength, (target, start) => {
      target.write(ids.next(events.arrivalMs), start, 'latin1')
    })
  }
  return key === undefined && headers.length === 0 ? plainFrame : encodeFrame(key, headers)
}
