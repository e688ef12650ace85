import type { BenchForebay } from './forebay.ts'
import type { BenchKafka } from './kafka.ts'
import type { BenchOptions } from './options.ts'
import type { Pinning } from './pinning.ts'

/** What every scenario of a run shares. */
export interface Bench {
  readonly options: BenchOptions
  readonly kafka: BenchKafka
  readonly forebay: BenchForebay
  readonly pinning: Pinning
  /** Begins the name of every topic of this run. */
  readonly prefix: string
  /** A line of progress. */
  readonly say: (line: string) => void
}
