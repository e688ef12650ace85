import type { PlacementDocument } from '../../../src/core/placement.ts'

/** A small valid document with one topic and two routes; `changes` replace top-level members. */
export function sampleDocument(changes: Partial<PlacementDocument>): PlacementDocument {
  return {
    storeId: '0b7c1f6e-0000-4000-8000-000000000001',
    leaseTerm: 1,
    version: 1,
    clusters: [
      { id: 'fronting-a', role: 'fronting', bootstrap: ['127.0.0.1:9092'] },
      { id: 'consumer', role: 'consumer', bootstrap: ['127.0.0.1:9192', '[::1]:9193'] },
    ],
    placements: [
      {
        topic: 'sample.events',
        delivery: 'fast',
        cluster: 'fronting-a',
        holders: ['fronting-a'],
        partitions: 6,
        maxEventBytes: 2 ** 20,
        check: 'structure',
        eventId: 'none',
        compression: 'none',
        mediaTypes: [],
      },
    ],
    routes: [
      {
        id: 'sample.events.kafka',
        topic: 'sample.events',
        sink: { type: 'kafka', cluster: 'consumer', topic: 'sample.events' },
        from: 'earliest',
        state: 'running',
      },
      {
        id: 'sample.events.file',
        topic: 'sample.events',
        sink: { type: 'file', directory: 'sample.events.file', rotateBytes: 2 ** 27 },
        from: 'earliest',
        state: 'paused',
      },
    ],
    ...changes,
  }
}
