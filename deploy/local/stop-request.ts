const sameKeypressMs = 1000

/** The first Ctrl-C, SIGTERM or closed terminal asks for a stop, another one means now. Both promises settle at most once. */
export interface StopRequest {
  readonly requested: Promise<'requested'>
  readonly insisted: Promise<'insisted'>
}

/**
 * Listens for the rest of the process's life. Under `npm start` one Ctrl-C arrives twice, from the terminal and from npm, which passes
 * it on: what follows within a second is the same one.
 */
export function listenForStop(): StopRequest {
  const requested = Promise.withResolvers<'requested'>()
  const insisted = Promise.withResolvers<'insisted'>()
  let firstMs: number | undefined
  const onSignal = () => {
    const nowMs = performance.now()
    firstMs ??= nowMs
    requested.resolve('requested')
    if (nowMs - firstMs > sameKeypressMs) insisted.resolve('insisted')
  }
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, onSignal)
  return { requested: requested.promise, insisted: insisted.promise }
}
