import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'

/** A process that is measured, or that a measured one needs. Its output is kept and shown when it fails. */
export class ServerProcess {
  readonly name: string
  readonly #child: ChildProcess
  #output = ''

  constructor(name: string, command: readonly string[]) {
    this.name = name
    const [program = process.execPath, ...args] = command
    const environment = Object.entries(process.env).filter(([key]) => !key.startsWith('FOREBAY_'))
    this.#child = spawn(program, args, {
      env: Object.fromEntries(environment),
      stdio: ['pipe', 'pipe', 'pipe'],
    })
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.#output = (this.#output + text).slice(-20_000)
      })
    }
    this.#child.on('error', (error) => {
      this.#output += `\n${error.message}`
    })
    process.once('exit', this.#killNow)
  }

  /** `taskset` replaces itself by the server, so this is the server's own. */
  get pid(): number {
    if (this.#child.pid === undefined) throw new Error(`${this.name} was not started\n${this.#output}`)
    return this.#child.pid
  }

  say(line: string): void {
    this.#child.stdin?.write(`${line}\n`)
  }

  /** Says a line and waits for an output that `answer` matches; what was written before does not count. */
  async ask(line: string, answer: RegExp, timeoutMs = 10_000): Promise<string> {
    this.#output = ''
    this.say(line)
    const deadlineMs = performance.now() + timeoutMs
    while (performance.now() < deadlineMs) {
      const found = answer.exec(this.#output)
      if (found !== null) return found[0]
      await sleep(5)
    }
    throw new Error(`${this.name} does not answer "${line}"\n${this.#output}`)
  }

  /** Waits for `GET url` to answer 200, or for the line `ready` when there is no URL. */
  async ready(url?: string, timeoutMs = 60_000): Promise<void> {
    const deadlineMs = performance.now() + timeoutMs
    while (performance.now() < deadlineMs) {
      if (this.#child.exitCode !== null || this.#child.signalCode !== null) break
      if (url === undefined ? /^ready$/m.test(this.#output) : await answers(url)) return
      await sleep(50)
    }
    throw new Error(`${this.name} is not ready\n${this.#output}`)
  }

  async stop(): Promise<void> {
    process.off('exit', this.#killNow)
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const exited = once(this.#child, 'exit')
    this.#child.kill('SIGTERM')
    const late = setTimeout(() => this.#child.kill('SIGKILL'), 10_000)
    await exited
    clearTimeout(late)
  }

  readonly #killNow = () => void this.#child.kill('SIGKILL')
}

async function answers(url: string): Promise<boolean> {
  try {
    const answer = await fetch(url)
    await answer.body?.cancel()
    return answer.ok
  } catch {
    // Not listening yet.
    return false
  }
}
