import { after } from 'node:test'
import type { ClusterAddress } from './cluster-set.ts'
import { type FaultCluster, startFaultCluster } from './fault-brokers.ts'

const ownHooks: (() => Promise<void> | void)[] = []
let own: Promise<FaultCluster> | undefined
after(async () => {
  for (const hook of ownHooks.reverse()) await hook()
})

/** The runner's cluster, or one of this file's own when it is run alone. Started when first asked for. */
export function faultCluster(): Promise<FaultCluster> {
  const url = process.env.TEST_FAULT_CLUSTER
  own ??= url === undefined ? startFaultCluster({ after: (hook) => void ownHooks.push(hook) }) : remote(url)
  return own
}

async function remote(url: string): Promise<FaultCluster> {
  const { bootstrap } = await answerOf(await fetch(`${url}/fronting`))
  const call = async (...request: readonly unknown[]): Promise<void> => {
    await answerOf(await fetch(url, { method: 'POST', body: JSON.stringify(request) }))
  }
  return {
    bootstrap,
    kill: (broker) => call('kill', broker),
    pause: (broker) => call('pause', broker),
    resume: (broker) => call('resume', broker),
    fault: (broker, fault) => call('fault', broker, fault),
    heal: () => call('heal'),
  }
}

async function answerOf(response: Response): Promise<ClusterAddress> {
  if (!response.ok) throw new Error(`the fault cluster: ${await response.text()}`)
  return (await response.json()) as ClusterAddress
}
