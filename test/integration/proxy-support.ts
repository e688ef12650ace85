import assert from 'node:assert/strict'
import type { PlacementDocument, TopicPlacement } from '../../src/core/placement.ts'
import type { AnswerBody } from '../support/answer-body.ts'
import { freePort } from '../support/free-port.ts'
import { type StartOptions, startProcess, type TestProcess } from '../support/process.ts'
import { StandInControl } from '../support/stand-in-control.ts'
import { type Cleanup, temporaryFolder } from '../support/temporary-folder.ts'

export function placementOf(
  bootstrap: readonly string[],
  placements: readonly TopicPlacement[],
): PlacementDocument {
  const clusters = [{ id: 'fronting-a', role: 'fronting' as const, bootstrap }]
  return { storeId: 'test', leaseTerm: 1, version: 1, clusters, placements, routes: [] }
}

export interface RunningProxy {
  readonly url: string
  readonly process: TestProcess
}

export interface ProxyStartOptions extends StartOptions {
  readonly port?: number | undefined
  /** Instead of one that is the proxy's own. */
  readonly control?: StandInControl
}

/**
 * A real `forebay proxy` on a port of its own, told this placement by a stand-in for the control plane (whose own tests are elsewhere).
 * Resolves when it is ready.
 */
export async function startProxy(
  owner: Cleanup,
  document: PlacementDocument,
  args: readonly string[] = [],
  { port = 0, control, ...options }: ProxyStartOptions = {},
): Promise<RunningProxy> {
  const { url: controlUrl } = control ?? (await StandInControl.start(owner, document))
  const ownPort = port === 0 ? await freePort() : port
  const own = [
    ...['--port', String(ownPort), '--data-dir', temporaryFolder(owner)],
    ...['--control', controlUrl, ...args],
  ]
  const process = startProcess(owner, 'proxy', own, options)
  const url = `http://127.0.0.1:${ownPort}`
  await process.waitForReady(url)
  return { url, process }
}

export async function postEvents(
  proxy: RunningProxy,
  topic: string,
  body: string | Buffer,
  contentType = 'application/x-ndjson',
) {
  const response = await fetch(`${proxy.url}/v1/topics/${topic}/events`, {
    method: 'POST',
    headers: { 'content-type': contentType },
    body: typeof body === 'string' ? body : new Uint8Array(body),
  })
  const answer = { status: response.status, body: (await response.json()) as AnswerBody }
  return answer
}

/** The samples of `/metrics`, by the whole text before the value. */
export async function readMetrics(proxy: RunningProxy): Promise<Map<string, number>> {
  const text = await (await fetch(`${proxy.url}/metrics`)).text()
  const samples = new Map<string, number>()
  for (const line of text.split('\n')) {
    const space = line.lastIndexOf(' ')
    if (space > 0 && !line.startsWith('#')) samples.set(line.slice(0, space), Number(line.slice(space + 1)))
  }
  return samples
}

/** The conservation equation, from the outside: received = rejected + dropped + delivered + in flight. */
export function assertConserved(samples: ReadonlyMap<string, number>): void {
  const sum = (name: string) => {
    let total = 0
    for (const [key, value] of samples) if (key === name || key.startsWith(`${name}{`)) total += value
    return total
  }
  const received = sum('forebay_events_received_total')
  const outcomes = sum('forebay_events_outcome_total')
  const inFlight = sum('forebay_events_in_flight')
  assert.equal(
    received,
    outcomes + inFlight,
    `received ${received}, outcomes ${outcomes}, in flight ${inFlight}`,
  )
}
