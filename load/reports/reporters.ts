import { setTimeout as delay } from 'node:timers/promises'
import type { PlacementDocument } from '../../src/core/placement.ts'
import type { ProxyReport, ReportedCluster } from '../../src/core/proxy-report.ts'
import { PlacementAsker } from '../../src/placement/asker.ts'
import { ReportSender } from '../../src/proxy/report/sender.ts'

/** `node reporters.ts URL PROXIES CLUSTERS BROKERS`: many proxies in one process, until it is killed. */
const [url = '', proxies = '1', clusters = '1', brokers = '1'] = process.argv.slice(2)

/** With numbers as a busy proxy has them, so that it is as long as a real one. */
function busyCluster(index: number): ReportedCluster {
  const acked = 900 + Math.floor(Math.random() * 200)
  return {
    cluster: `fronting-${index}`,
    acked,
    failed: 0,
    dropped: 0,
    waiting: Math.floor(Math.random() * 50),
    oldestWaitMs: Math.random() * 20,
    p99Ms: 5 + Math.random() * 20,
    brokers: Array.from({ length: Number(brokers) }, (_, id) => ({
      id,
      acked: Math.floor(acked / Number(brokers)),
      failed: 0,
      open: true,
      queuedBytes: Math.floor(Math.random() * 100_000),
      p99Ms: 5 + Math.random() * 20,
    })),
  }
}

/** One simulated proxy: its own connections, its place within the second. */
async function report(index: number): Promise<never> {
  const sender = new ReportSender({ controlUrls: [url], id: `simulated-${index}`, token: '' })
  const followed = { document: undefined as PlacementDocument | undefined }
  follow(followed).catch((error: unknown) => fail(error))
  await delay((index / Number(proxies)) * 1000)
  const startedMs = performance.now()
  for (let sequence = 1; ; sequence += 1) {
    const { document } = followed
    const message: ProxyReport = {
      instance: `instance-${index}`,
      sequence,
      windowMs: 1000 + Math.random(),
      ...(document === undefined
        ? {}
        : {
            placement: {
              storeId: document.storeId,
              leaseTerm: document.leaseTerm,
              version: document.version,
              settledVersion: document.version,
            },
          }),
      clusters: Array.from({ length: Number(clusters) }, (_, cluster) => busyCluster(cluster)),
    }
    // What is lost is missed by the one who measures.
    await sender.send(message, 700).catch((error: unknown) => console.error(error))
    await delay(sequence * 1000 - (performance.now() - startedMs))
  }
}

async function follow(followed: { document: PlacementDocument | undefined }): Promise<never> {
  const asker = new PlacementAsker(undefined)
  const { signal } = new AbortController()
  for (;;) {
    const known = followed.document
    const answer = await asker.ask({ url, known, waitSeconds: 30, timeoutMs: 10_000, signal })
    if (answer.kind === 'document') followed.document = answer.document
    else if (answer.kind !== 'unchanged') throw new Error(`it was not told the placement: ${answer.reason}`)
  }
}

function fail(error: unknown): never {
  console.error(error)
  process.exit(1)
}

for (let index = 0; index < Number(proxies); index += 1) report(index).catch(fail)
console.log('ready')
