import { grouped } from '../../src/cli/output.ts'
import { Sender } from '../../src/cli/send/sender.ts'
import { ProgressLine, type Terminal } from '../../src/cli/terminal.ts'
import type { MultisetDigest } from '../verify/multiset-digest.ts'
import { type DemoTopic, parcels } from './parcels.ts'
import type { TopicNames } from './places.ts'
import type { DemoPlan } from './plan.ts'

const connections = 8

export interface SendTarget {
  /** URL of the proxy. */
  readonly proxy: string
  readonly names: TopicNames
}

/**
 * Posts every event of the plan, adding to `sent` what goes out. Returns a line for each topic of which not everything was accepted.
 */
export async function sendAll(
  terminal: Terminal,
  plan: DemoPlan,
  { proxy, names }: SendTarget,
  sent: Readonly<Record<DemoTopic, MultisetDigest>>,
): Promise<string[]> {
  const senderFor = (topic: DemoTopic) =>
    new Sender({
      url: `${proxy}/v1/topics/${encodeURIComponent(names[topic])}/events`,
      proxy,
      token: undefined,
      giveUpMs: 60_000,
      connections,
      stop: terminal.interrupted,
      abort: terminal.interrupted,
    })
  const senders = { 'sample.events': senderFor('sample.events'), 'sample.orders': senderFor('sample.orders') }
  const progress = new ProgressLine(terminal)
  const startMs = performance.now()
  const queue = parcels(counted(plan, sent))
  const worker = async () => {
    for (let next = queue.next(); next.done !== true; next = queue.next()) {
      const sender = senders[next.value.topic]
      await sender.send(next.value)
      if (sender.fatal !== undefined || terminal.interrupted.aborted) return
      progress.show(() => progressText(Object.values(senders), plan.total, startMs))
    }
  }
  try {
    await Promise.all(Array.from({ length: connections }, worker))
  } finally {
    progress.clear()
    await Promise.all(Object.values(senders).map((sender) => sender.close()))
  }
  return Object.entries(senders).flatMap(([topic, sender]) => notAccepted(topic as DemoTopic, plan, sender))
}

function* counted(plan: DemoPlan, sent: Readonly<Record<DemoTopic, MultisetDigest>>) {
  for (const event of plan.events()) {
    sent[event.topic].add(event.bytes)
    yield event
  }
}

function notAccepted(topic: DemoTopic, plan: DemoPlan, { counts, fatal, rejections }: Sender): string[] {
  const missing = plan.wanted[topic] - counts.accepted
  if (missing === 0) return []
  const why = fatal?.message ?? JSON.stringify(rejections[0] ?? 'interrupted')
  return [`${topic}: ${grouped(missing)} not accepted (${why})`]
}

function progressText(senders: readonly Sender[], total: number, startMs: number): string {
  const accepted = senders.reduce((sum, { counts }) => sum + counts.accepted, 0)
  const perSecond = accepted / ((performance.now() - startMs) / 1000)
  const left = perSecond === 0 ? '?' : ((total - accepted) / perSecond).toFixed(0)
  const trouble = senders.find((sender) => sender.trouble !== undefined)?.trouble
  const again = trouble === undefined ? '' : ` · trying again: ${trouble}`
  return `accepted ${grouped(accepted)} of ${grouped(total)} (${grouped(perSecond)}/s, ${left} s left)${again}`
}
