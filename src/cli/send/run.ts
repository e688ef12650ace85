import { grouped } from '../output.ts'
import { ProgressLine, type Terminal } from '../terminal.ts'
import type { RequestBody } from './batches.ts'
import { Sender, type SenderOptions } from './sender.ts'

export interface SendPlan extends Omit<SenderOptions, 'stop' | 'abort'> {
  /** Events in all, if known: the progress line then says how far it is. */
  readonly total: number | undefined
}

/** After Ctrl-C, requests under way have this long to be answered. */
const graceMs = 2000

/** Sends all bodies, `connections` at a time, showing progress. Ctrl-C ends it early; what was sent is accounted for. */
export async function runSend(
  terminal: Terminal,
  bodies: AsyncIterable<RequestBody> | Iterable<RequestBody>,
  plan: SendPlan,
): Promise<{ sender: Sender; seconds: number }> {
  const stop = terminal.interrupted
  const abort = new AbortController()
  const onStop = () => setTimeout(() => abort.abort(), graceMs).unref()
  stop.addEventListener('abort', onStop, { once: true })
  const sender = new Sender({ ...plan, stop, abort: abort.signal })
  const progress = new ProgressLine(terminal)
  const startMs = performance.now()
  const timer = setInterval(() => progress.show(() => progressText(sender, plan.total, startMs)), 250)
  try {
    const next = sharedNext(bodies, stop)
    const worker = async () => {
      while (sender.fatal === undefined && !stop.aborted) {
        const body = await next()
        if (body === undefined) return
        await sender.send(body)
      }
    }
    await Promise.all(Array.from({ length: plan.connections }, worker))
  } finally {
    clearInterval(timer)
    stop.removeEventListener('abort', onStop)
    progress.clear()
    await sender.close()
  }
  return { sender, seconds: (performance.now() - startMs) / 1000 }
}

/** One source for several workers; `undefined` at its end or once `stop` is aborted, even while stdin is silent. */
function sharedNext(
  bodies: AsyncIterable<RequestBody> | Iterable<RequestBody>,
  stop: AbortSignal,
): () => Promise<RequestBody | undefined> {
  const iterator =
    Symbol.asyncIterator in bodies
      ? bodies[Symbol.asyncIterator]()
      : asynchronous(bodies)[Symbol.asyncIterator]()
  const stopped = new Promise<undefined>((resolve) => {
    if (stop.aborted) resolve(undefined)
    stop.addEventListener('abort', () => resolve(undefined), { once: true })
  })
  return () =>
    Promise.race([stopped, iterator.next().then((step) => (step.done === true ? undefined : step.value))])
}

async function* asynchronous(bodies: Iterable<RequestBody>): AsyncGenerator<RequestBody> {
  yield* bodies
}

function progressText({ counts, trouble }: Sender, total: number | undefined, startMs: number): string {
  const done = counts.accepted + counts.rejected + counts.failed
  const perSecond = done / ((performance.now() - startMs) / 1000)
  const share = total === undefined ? '' : ` of ${grouped(total)}`
  const left = total === undefined || perSecond === 0 ? '' : `, ${grouped((total - done) / perSecond)} s left`
  const problem = trouble === undefined ? '' : ` · trying again: ${trouble}`
  return `accepted ${grouped(counts.accepted)}${share} (${grouped(perSecond)}/s${left})${problem}`
}
