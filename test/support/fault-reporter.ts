import { tmpdir } from 'node:os'
import type { TestEvent } from 'node:test/reporters'

/** What became of one test of a fault file, as a line of JSON for the runner. */
export interface TestLine {
  readonly name: string
  readonly outcome: 'passed' | 'failed' | 'skipped'
  readonly ms: number
  /** Why it was skipped, or the first line of what went wrong. */
  readonly word: string
}

/** A reporter for `node --test-reporter`: one `TestLine` for each test. */
export default async function* faultReporter(source: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  for await (const event of source) {
    if (event.type !== 'test:pass' && event.type !== 'test:fail') continue
    const { name, skip, details } = event.data
    const failed = event.type === 'test:fail'
    const outcome = failed ? 'failed' : skip === undefined || skip === false ? 'passed' : 'skipped'
    const error = failed ? event.data.details.error : undefined
    const cause = error?.cause instanceof Error ? error.cause.message : (error?.message ?? '')
    const word =
      outcome === 'skipped' ? String(skip) : (cause.split('\n')[0] ?? '').replaceAll(tmpdir(), '<tmp>')
    const line: TestLine = { name, outcome, ms: details.duration_ms, word }
    yield `${JSON.stringify(line)}\n`
  }
}
