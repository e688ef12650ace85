/** `DIR/stack.json` (interface.md "Commands"): where everything of a running local stack is. `null` stands for the pid of what is down. */
export interface StackFile {
  readonly proxy: string
  readonly control: string
  readonly router: string
  readonly clusters: Readonly<Record<string, StackCluster>>
  readonly processes: Readonly<Record<'proxy' | 'control' | 'router', { readonly pid: number | null }>>
  /** How to reach each sink that runs, by its id. */
  readonly sinks: Readonly<Record<string, unknown>>
  /** The Unix socket that `forebay local` talks to. */
  readonly socket: string
}

export interface StackCluster {
  readonly bootstrap: readonly string[]
  readonly brokers: readonly { readonly id: number; readonly port: number; readonly pid: number | null }[]
}
