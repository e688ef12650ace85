import type { Readable } from 'node:stream'
import { styleText } from 'node:util'

/** Everything a command sees of the world around it, so that tests can look at what it prints. */
export interface Terminal {
  readonly stdin: Readable
  /** Results; nothing else goes to stdout, so that it can be piped. */
  write(text: string): void
  /** Progress, notes and errors, on stderr. */
  note(text: string): void
  /** stdout is a terminal that shows colours. */
  readonly colours: boolean
  /** stderr is a terminal: a progress line may overwrite itself there. */
  readonly live: boolean
  /** Aborted by Ctrl-C. */
  readonly interrupted: AbortSignal
  /** Folder that `.forebay` is looked for in. */
  readonly cwd: string
  readonly environment: Readonly<Record<string, string | undefined>>
}

type Paint = 'green' | 'red' | 'yellow' | 'bold' | 'dim'

/** The text in a colour where colours are shown, else as it is. */
export function paint(terminal: Pick<Terminal, 'colours'>, colour: Paint, text: string): string {
  return terminal.colours ? styleText(colour, text, { validateStream: false }) : text
}

/** A line on stderr that replaces itself; on anything but a terminal only every tenth second one is written. */
export class ProgressLine {
  readonly #terminal: Terminal
  #lastMs: number
  #open = false

  constructor(terminal: Terminal) {
    this.#terminal = terminal
    // A log wants no line of what is over at once.
    this.#lastMs = terminal.live ? Number.NEGATIVE_INFINITY : performance.now()
  }

  /** `text` is called only when a line is due, so it may cost something. */
  show(text: () => string): void {
    const nowMs = performance.now()
    if (nowMs - this.#lastMs < (this.#terminal.live ? 200 : 10_000)) return
    this.#lastMs = nowMs
    this.#terminal.note(this.#terminal.live ? `\r\u001b[2K${text()}` : `${text()}\n`)
    this.#open = this.#terminal.live
  }

  /** Leaves an empty line for what is printed next. */
  clear(): void {
    if (this.#open) this.#terminal.note('\r\u001b[2K')
    this.#open = false
  }
}
