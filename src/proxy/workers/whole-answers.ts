import { Problem } from '../../core/problems.ts'
import type { MetricsSource, ReadinessSource } from '../../telemetry/endpoints.ts'
import type { ParentLink } from './parent-link.ts'

type Whole = Pick<ParentLink, 'ask'>

/**
 * `/metrics` of the whole proxy, asked of a worker. Without the parent's answer it fails: the figures of one worker would look like
 * counters that went backwards.
 */
export function wholeRegistry(whole: Whole): MetricsSource {
  let contentType: MetricsSource['contentType'] = 'text/plain; version=0.0.4; charset=utf-8'
  return {
    get contentType() {
      return contentType
    },
    async metrics() {
      const answer = await whole.ask('metrics')
      if (answer === undefined) throw new Problem('internal', 'The parent process does not answer.')
      contentType = answer.contentType as typeof contentType
      return answer.text
    },
  }
}

/** `/readyz` of the whole proxy. Without the parent's answer the worker speaks for itself: it serves all the same. */
export function wholeHealth(whole: Whole, own: ReadinessSource): ReadinessSource {
  return { readiness: async () => (await whole.ask('readiness')) ?? own.readiness() }
}
