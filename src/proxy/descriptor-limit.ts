interface ReportedLimits {
  readonly userLimits?: Readonly<Record<string, { readonly soft: number | string }>>
}

/** How many files and sockets this process may have open (`ulimit -n`); 1024 where nobody says. Slow: once, before the first socket. */
export function descriptorLimit(): number {
  const { userLimits } = process.report.getReport() as ReportedLimits
  const soft = userLimits?.open_files?.soft
  if (soft === 'unlimited') return Number.MAX_SAFE_INTEGER
  return typeof soft === 'number' ? soft : 1024
}
