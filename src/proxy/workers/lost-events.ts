import type { Figures } from '../../telemetry/figures.ts'

const received = 'forebay_events_received_total'
const outcome = 'forebay_events_outcome_total'

/** The reason of events that were in flight when their worker died: some of them may have been delivered. */
export const workerDied = 'worker-died'

/** Events without an outcome, by topic: received − (rejected + dropped + delivered). */
export function eventsInFlight(figures: Figures): Map<string, number> {
  const inFlight = new Map<string, number>()
  const add = (name: string, sign: number) => {
    for (const { labels, value } of figures.find((figure) => figure.name === name)?.values ?? []) {
      const topic = String(labels.topic)
      inFlight.set(topic, (inFlight.get(topic) ?? 0) + sign * value)
    }
  }
  add(received, 1)
  add(outcome, -1)
  return inFlight
}

/** The last figures of a dead worker, with an outcome for each event that it had in flight, so that the sum over all stays conserved. */
export function closeAccounts(figures: Figures): Figures {
  const rows = [...eventsInFlight(figures)]
    .filter(([, events]) => events !== 0)
    .map(([topic, value]) => ({ labels: { topic, outcome: 'dropped', reason: workerDied }, value }))
  return figures.map((figure) =>
    figure.name === outcome ? { ...figure, values: [...figure.values, ...rows] } : figure,
  )
}
