import { type Judgement, listed } from '../judgement.ts'
import type { Pipeline } from '../pipeline.ts'
import { type AnswerText, type Exchange, jsonAnswer, problemAnswer, sendAnswer } from './answer.ts'
import type { Gate } from './gate.ts'
import type { Traffic } from './traffic.ts'

/** The wire family in metrics. */
export const nativeFamily = 'native'

/** `POST /v1/topics/{topic}/events`. Rejects with what `Pipeline.take` rejects with; then nothing is answered yet. */
export async function takeEvents(
  exchange: Exchange,
  topic: string,
  {
    pipeline,
    gate,
    traffic,
  }: { readonly pipeline: Pipeline; readonly gate: Gate; readonly traffic: Traffic },
): Promise<void> {
  const { request, startedMs } = exchange
  const answer = judgedAnswer(await pipeline.take({ request, topic, query: queryOf(request.url ?? '') }))
  const now = gate.state === 'open' || exchange.closing ? exchange : { ...exchange, closing: true }
  sendAnswer(now, answer)
  traffic.observe(nativeFamily, answer.status, (performance.now() - startedMs) / 1000)
}

const before = '/v1/topics/'
const after = '/events'
/** The longest name that Kafka takes. */
const maxTopicLength = 249

/** The topic when the URL is `/v1/topics/{topic}/events` without any escape, with or without a query; it may be none that exists. */
export function plainTopic(url: string): string | undefined {
  if (!url.startsWith(before)) return undefined
  const end = url.indexOf('/', before.length)
  if (end <= before.length || end > before.length + maxTopicLength || !url.startsWith(after, end))
    return undefined
  const rest = end + after.length
  if (url.length !== rest && url[rest] !== '?') return undefined
  const topic = url.slice(before.length, end)
  return topic.includes('%') ? undefined : topic
}

/** Topic and query of a plain target. */
export function splitTarget(url: string): { readonly topic: string; readonly query: string } | undefined {
  const topic = plainTopic(url)
  return topic === undefined ? undefined : { topic, query: queryOf(url) }
}

/** Without `?`. */
function queryOf(url: string): string {
  const question = url.indexOf('?')
  return question < 0 ? '' : url.slice(question + 1)
}

export function judgedAnswer(judgement: Judgement): AnswerText {
  if (judgement.kind === 'problem') return problemAnswer(judgement.problem)
  const { status, accepted, verdict } = judgement
  // Nearly always: written without a detour.
  if (verdict.bad === 0) return jsonAnswer(status, `{"accepted":${accepted}}`)
  return jsonAnswer(status, JSON.stringify({ accepted, ...listed(verdict) }))
}
