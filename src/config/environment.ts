/** The environment of this process: the only place besides `load.ts` that reads it. */
export function processEnvironment(): Readonly<Record<string, string | undefined>> {
  return process.env
}
