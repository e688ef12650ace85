/**
 * SIGTERM and SIGINT: the first asks for a drain, the second means now (interface.md "Ports"). Both promises settle at most once.
 */
export interface Termination {
  readonly requested: Promise<NodeJS.Signals>
  readonly insisted: Promise<NodeJS.Signals>
}

export function listenForTermination(): Termination {
  const requested = Promise.withResolvers<NodeJS.Signals>()
  const insisted = Promise.withResolvers<NodeJS.Signals>()
  let seen = false
  const onSignal = (signal: NodeJS.Signals) => {
    if (seen) insisted.resolve(signal)
    else requested.resolve(signal)
    seen = true
  }
  process.on('SIGTERM', onSignal)
  process.on('SIGINT', onSignal)
  return { requested: requested.promise, insisted: insisted.promise }
}
