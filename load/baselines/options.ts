import { parseArgs } from 'node:util'

export interface BaselineOptions {
  readonly port: number
  readonly bootstrap: string[]
  readonly topic: string
}

/** `--port P --bootstrap H:P,H:P --topic T`, the same for every baseline server. */
export function baselineOptions(): BaselineOptions {
  const { values } = parseArgs({
    options: { port: { type: 'string' }, bootstrap: { type: 'string' }, topic: { type: 'string' } },
  })
  return {
    port: Number(values.port ?? 0),
    bootstrap: (values.bootstrap ?? '').split(','),
    topic: values.topic ?? '',
  }
}
