import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { launcher, packageRoot } from '../../deploy/local/package-files.ts'
import type { Cleanup } from './temporary-folder.ts'
import { waitFor } from './wait-for.ts'

export interface StartOptions {
  /** Added to the environment; FOREBAY_* of the caller's own environment are not passed on. */
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
  /** A command that runs the rest of its arguments, e.g. one that sets limits first. */
  readonly under?: readonly string[]
  /** Another `forebay` than that of the sources. */
  readonly program?: string
}

export interface ProcessExit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

const running = new Set<ChildProcess>()
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})

/** A Forebay process under test. */
export class TestProcess {
  readonly #child: ChildProcess
  readonly #command: string
  #stdout = ''
  #stderr = ''
  /** Settles when it has ended and all its output is read. */
  readonly exited: Promise<ProcessExit>

  constructor(child: ChildProcess, command: string) {
    this.#child = child
    this.#command = command
    running.add(child)
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.#stdout += text
    })
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr += text
    })
    const ended = Promise.withResolvers<ProcessExit>()
    child.once('error', ended.reject)
    child.once('close', (code, signal) => {
      running.delete(child)
      ended.resolve({ code, signal })
    })
    this.exited = ended.promise
    this.exited.catch(() => undefined)
  }

  get pid(): number {
    if (this.#child.pid === undefined) throw new Error(`${this.#command} was not started`)
    return this.#child.pid
  }

  get running(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null
  }

  get stdout(): string {
    return this.#stdout
  }

  get stderr(): string {
    return this.#stderr
  }

  /** Both outputs, for failures. */
  get output(): string {
    return `$ ${this.#command}\n${this.#stdout}${this.#stderr}`
  }

  /** Waits until `GET <url>` answers 200; `url` is a process's base URL (then its /readyz is asked) or any other address of it. */
  async waitForReady(url: string, timeoutMs = 120_000): Promise<void> {
    const address = new URL(url)
    if (address.pathname === '/') address.pathname = '/readyz'
    let ended: ProcessExit | undefined
    this.exited.then(
      (exit) => {
        ended = exit
      },
      () => undefined,
    )
    await waitFor(
      async () => {
        if (ended !== undefined) return true
        const response = await fetch(address)
        if (response.ok) return true
        throw new Error(`${response.status} ${await response.text()}`)
      },
      { describe: `${address} of "${this.#command}"`, timeoutMs, state: () => this.output },
    )
    if (ended !== undefined)
      throw new Error(`it ended (${JSON.stringify(ended)}) before it was ready\n${this.output}`)
  }

  kill(signal: NodeJS.Signals = 'SIGKILL'): void {
    this.#child.kill(signal)
  }

  /** SIGTERM, and SIGKILL after `graceMs`. */
  async stop(graceMs = 15_000): Promise<ProcessExit> {
    if (!this.running) return this.exited
    this.#child.kill('SIGCONT')
    this.#child.kill('SIGTERM')
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), graceMs)
    try {
      return await this.exited
    } finally {
      clearTimeout(timer)
    }
  }
}

/** Runs `forebay <command> …args`; it is killed after whatever `owner` stands for. */
export function startProcess(
  owner: Cleanup,
  command: string,
  args: readonly string[] = [],
  { env = {}, cwd = packageRoot(), under = [], program: file = launcher() }: StartOptions = {},
): TestProcess {
  const inherited = Object.entries(process.env).filter(
    ([name]) => !name.startsWith('FOREBAY_') && !name.startsWith('NODE_TEST'),
  )
  const [program = process.execPath, ...rest] = [...under, process.execPath, file, command, ...args]
  const child = spawn(program, rest, {
    cwd,
    env: { ...Object.fromEntries(inherited), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const started = new TestProcess(child, ['forebay', command, ...args].join(' '))
  owner.after(async () => {
    if (started.running) started.kill('SIGKILL')
    await started.exited.catch(() => undefined)
  })
  return started
}

/** Runs `forebay <command> …args` to its end. */
export async function runForebay(
  owner: Cleanup,
  args: readonly string[],
  options: StartOptions = {},
): Promise<ProcessExit & { stdout: string; stderr: string }> {
  const [command = '', ...rest] = args
  const started = startProcess(owner, command, rest, options)
  const exit = await started.exited
  return { ...exit, stdout: started.stdout, stderr: started.stderr }
}

/** Runs a program of ours that is no `forebay` command to its end, e.g. `runProgram(['load', 'demo', 'main.ts'], words)`. */
export async function runProgram(
  path: readonly string[],
  words: readonly string[],
): Promise<{ code: number; output: string }> {
  const child = spawn(process.execPath, [fromRoot(...path), ...words], { stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text
    })
  }
  const [code] = (await once(child, 'close')) as [number]
  return { code, output }
}

/** Below the package's folder, e.g. `fromRoot('test', 'fixtures')`. */
export function fromRoot(...parts: string[]): string {
  return join(packageRoot(), ...parts)
}
