import { setTimeout as delay } from 'node:timers/promises'
import { openStore } from '../../src/control/store/open-store.ts'
import { StoreError } from '../../src/control/store/store-error.ts'

/**
 * A leader without manners, as a process: takes the lease of the store in its argument for a second, renews it, and writes as fast as it can,
 * without ever looking whether it still leads. One line for each write that was committed, and at the end the word with which the store
 * refused. What was cut off by the server it tries again.
 */
const store = await openStore(process.argv[2] ?? '', { wallMs: () => Date.now(), onTrouble: () => undefined })
const term = await store.acquireLease({ holder: 'stubborn', address: '' }, 1000)
if (term === undefined) throw new Error('the lease is taken')
let ended = false
const renewing = (async () => {
  while (!ended) {
    await store.renewLease(term, 1000).catch(() => undefined)
    await delay(200)
  }
})()
for (let index = 0; !ended; index += 1) {
  try {
    const event = { kind: 'stubborn', subject: String(index), data: {} }
    await store.commit([{ action: 'event', event }], { actor: 'stubborn', term })
    process.stdout.write(`committed ${index}\n`)
  } catch (error) {
    if (!(error instanceof StoreError)) throw error
    process.stdout.write(`${error.word}\n`)
    ended = error.word !== 'store-unavailable'
  }
}
await renewing
await store.close()
