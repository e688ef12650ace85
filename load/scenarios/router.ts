import type { Bench } from '../bench/bench.ts'
import { freePorts } from '../bench/kafka.ts'
import { routedPartitions, startCarriers } from './carriers.ts'
import { type RouterResult, routerRounds } from './router-rounds.ts'

/** CPU per record of the pass-through route beside a kafkajs consumer and producer that carry the same records. */
export async function routerScenario(bench: Bench): Promise<RouterResult[]> {
  const { forebay, kafka, pinning, prefix, say } = bench
  const topic = `${prefix}-route`
  say('router: starting the carriers')
  const [port = 0] = await freePorts(1)
  await forebay.apply([
    { kind: 'Topic', name: topic, owner: 'bench', delivery: 'fast', partitions: routedPartitions },
  ])
  const proxy = await forebay.run('proxy', port)
  const carriers = await startCarriers(forebay, kafka, { topic, serverPrefix: pinning.serverPrefix })
  try {
    return await routerRounds(carriers, bench, { topic, port })
  } finally {
    await Promise.all([proxy.stop(), ...carriers.map(({ server }) => server.stop())])
  }
}
