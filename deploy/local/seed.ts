import type { ApplyResult } from '../../src/core/resources.ts'
import { clusterDocuments, type Document, sampleDocuments } from './sample-documents.ts'
import { processUrl, type StackLayout } from './stack-layout.ts'
import type { BuiltSink } from './start-options.ts'

const deadlineMs = 60_000

/**
 * Tells the control plane the clusters, where they are this time, and the sample topics and routes that it does not have. Those that
 * it has are left alone: somebody may have changed them. Returns how many resources are new or changed.
 */
export async function seed(layout: StackLayout, sinks: readonly BuiltSink[]): Promise<number> {
  const control = processUrl(layout, 'control')
  const missing: Document[] = []
  for (const document of sampleDocuments(sinks)) {
    if (!(await exists(control, document))) missing.push(document)
  }
  const result = await apply(control, [...clusterDocuments(layout), ...missing])
  return result.changes.filter(({ action }) => action !== 'unchanged').length
}

async function exists(control: string, { kind, name }: Document): Promise<boolean> {
  const url = `${control}/v1/${kind.toLowerCase()}s/${encodeURIComponent(name)}`
  const response = await fetch(url, { signal: AbortSignal.timeout(deadlineMs) })
  if (response.ok || response.status === 404) {
    await response.body?.cancel()
    return response.ok
  }
  throw new Error(`GET ${url} answered ${response.status}: ${await response.text()}`)
}

async function apply(control: string, documents: readonly Document[]): Promise<ApplyResult> {
  const response = await fetch(`${control}/v1/apply`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ documents, reason: 'local stack' }),
    signal: AbortSignal.timeout(deadlineMs),
  })
  if (response.ok) return (await response.json()) as ApplyResult
  throw new Error(
    `the control plane refused the sample topics (${response.status}): ${await response.text()}`,
  )
}
