let quiet = false

/** kafkajs 2.2.4 computes negative timeouts, which Node 24 warns about at every turn; other warnings are shown as always. */
export function quietNode24(): void {
  if (quiet) return
  quiet = true
  const emit = process.emitWarning.bind(process)
  process.emitWarning = (warning: string | Error, ...rest: unknown[]) => {
    const name = typeof warning === 'string' ? rest[0] : warning.name
    if (name !== 'TimeoutNegativeWarning') Reflect.apply(emit, process, [warning, ...rest])
  }
}
