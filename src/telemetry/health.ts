/** Why a process is or is not ready; each part of it registers one check. */
export interface Check {
  /** A short fixed word such as `no-placement` while not ready, `undefined` while ready. */
  readonly problem?: string
  /** Shown by `/readyz?verbose`; plain JSON. */
  readonly detail?: unknown
}

export interface Readiness {
  readonly ready: boolean
  readonly problems: readonly string[]
  readonly checks: Readonly<Record<string, Check>>
}

/** Holds the checks; asked at each request, so that the answer is never stale. */
export class Health {
  readonly #checks = new Map<string, () => Check>()

  register(name: string, check: () => Check): void {
    this.#checks.set(name, check)
  }

  readiness(): Readiness {
    const checks: Record<string, Check> = {}
    const problems: string[] = []
    for (const [name, check] of this.#checks) {
      const result = check()
      checks[name] = result
      if (result.problem !== undefined) problems.push(result.problem)
    }
    return { ready: problems.length === 0, problems, checks }
  }
}
