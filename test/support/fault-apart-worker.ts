import { parentPort, workerData } from 'node:worker_threads'
import { FaultLoad, type FaultLoadOptions } from './fault-load.ts'

/** A load on a thread of its own: tells each request as it gets its fate, and ends when it is told to. For `LoadApart`. */
const port = parentPort
if (port === null) throw new Error('it runs as a worker only')
const { run, ...options } = workerData as FaultLoadOptions & { readonly run: string }
const load = new FaultLoad(options, run, (request) =>
  port.postMessage({ request, origin: performance.timeOrigin }),
)
port.once('message', () => {
  load.stop().then(
    () => port.close(),
    (error: unknown) => {
      throw error
    },
  )
})
