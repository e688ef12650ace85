import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { launcher } from '../../deploy/local/package-files.ts'
import { UsageError } from '../../src/cli/failure.ts'
import { freePort } from '../../test/support/free-port.ts'
import { CpuMeter, rssBytes } from '../bench/process-stats.ts'
import { ServerProcess } from '../bench/server-process.ts'
import { mebibytes } from '../report/format.ts'
import { commitName, machineFacts } from '../report/machine.ts'
import { type ReportLoadOptions, reportLoadHelp, reportLoadOptions } from './options.ts'

/** What the requirement allows, as a part of one core. */
const mostShare = 0.1

interface Measured {
  readonly reports: number
  readonly seconds: number
  readonly cpuSeconds: number
  readonly rssBytes: number
}

async function measure(options: ReportLoadOptions): Promise<Measured> {
  const folder = mkdtempSync(join(tmpdir(), 'forebay-reports-'))
  const url = `http://127.0.0.1:${await freePort()}`
  const store = join(folder, 'control.sqlite')
  const control = new ServerProcess('control', [
    ...[process.execPath, launcher(), 'control'],
    ...['--port', new URL(url).port, '--store', store],
  ])
  const { proxies, clusters, brokers, seconds, warmUpSeconds } = options
  const program = join(import.meta.dirname, 'reporters.ts')
  let reporters: ServerProcess | undefined
  try {
    await control.ready(`${url}/readyz`)
    reporters = new ServerProcess('reporters', [
      ...[process.execPath, program, url],
      ...[proxies, clusters, brokers].map(String),
    ])
    await reporters.ready()
    await sleep(warmUpSeconds * 1000)
    const before = await takenReports(url)
    const startedMs = performance.now()
    const cpu = new CpuMeter(control.pid)
    await sleep(seconds * 1000)
    const cpuSeconds = cpu.seconds()
    const tookSeconds = (performance.now() - startedMs) / 1000
    const reports = (await takenReports(url)) - before
    return { reports, seconds: tookSeconds, cpuSeconds, rssBytes: rssBytes(control.pid) }
  } finally {
    await reporters?.stop()
    await control.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

async function takenReports(url: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text()
  return Number(/^forebay_proxy_reports_total\{result="taken"\} (\d+)$/m.exec(text)?.[1] ?? 0)
}

/** Exits with 1 when it costs more than the requirement allows, or when reports were lost. */
async function main(): Promise<void> {
  const options = reportLoadOptions(process.argv.slice(2))
  if (options === undefined) {
    process.stdout.write(reportLoadHelp)
    return
  }
  const { reports, seconds, cpuSeconds, rssBytes: resident } = await measure(options)
  const share = cpuSeconds / seconds
  const { proxies, clusters, brokers } = options
  console.log(`${machineFacts()}; commit ${commitName()}`)
  console.log(`${proxies} proxies, ${clusters} clusters × ${brokers} brokers in each report, SQLite`)
  console.log(
    `${(reports / seconds).toFixed(1)} reports/s taken, ${((cpuSeconds / reports) * 1e6).toFixed(0)} µs CPU each, ` +
      `${(share * 100).toFixed(1)} % of a core, ${mebibytes(resident)} resident`,
  )
  const isWhole = reports >= proxies * (seconds - 1.5)
  if (!isWhole) console.log('reports were lost')
  if (share >= mostShare) console.log(`more than ${mostShare * 100} % of a core`)
  process.exitCode = isWhole && share < mostShare ? 0 : 1
}

try {
  await main()
} catch (error) {
  console.error(error instanceof UsageError ? `${error.message}\n\n${reportLoadHelp}` : error)
  process.exitCode = error instanceof UsageError ? 2 : 1
}
