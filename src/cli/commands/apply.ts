import { readFile } from 'node:fs/promises'
import { text as readAll } from 'node:stream/consumers'
import type { Command } from 'commander'
import { parseAllDocuments } from 'yaml'
import type { ApplyResult } from '../../core/resources.ts'
import { type CommandContext, examples, present, withControl } from '../context.ts'
import { diffText } from '../diff.ts'
import { UsageError } from '../failure.ts'
import { repeated } from '../options.ts'
import type { Terminal } from '../terminal.ts'

interface ApplyOptions {
  readonly file: readonly string[]
  readonly dryRun?: boolean
  readonly reason?: string
}

type Documents = readonly Readonly<Record<string, unknown>>[]

/** `forebay apply -f FILE` */
export function addApplyCommand(program: Command, terminal: Terminal): void {
  program
    .command('apply')
    .description('Make clusters, topics and routes as documents say; what is so already stays untouched')
    .requiredOption(
      '-f, --file <file>',
      'YAML with one or several documents, - = stdin; may be repeated',
      repeated,
    )
    .option('--dry-run', 'change nothing, show the difference')
    .option('--reason <text>', 'why, for the audit log')
    .addHelpText(
      'after',
      examples(
        'forebay apply -f topics.yaml --dry-run',
        "printf 'kind: Topic\\nname: web.clicks\\nowner: web-team\\n' | forebay apply -f -",
      ),
    )
    .action((options: ApplyOptions, command: Command) =>
      withControl(terminal, command, (context) => apply(context, options)),
    )
}

async function apply(context: CommandContext, options: ApplyOptions): Promise<void> {
  const documents: Readonly<Record<string, unknown>>[] = []
  for (const file of options.file) documents.push(...parseDocuments(file, await read(context.terminal, file)))
  if (documents.length === 0) throw new UsageError(`no document in ${options.file.join(', ')}`)
  const { value } = await context.control.call<ApplyResult>('POST', '/v1/apply', {
    body: {
      documents,
      dryRun: options.dryRun === true,
      ...(options.reason === undefined ? {} : { reason: options.reason }),
    },
  })
  present(context, value, () => diffText(context.terminal, value))
}

async function read(terminal: Terminal, file: string): Promise<string> {
  if (file === '-') return readAll(terminal.stdin)
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    throw new UsageError(`cannot read ${file}: ${(error as Error).message}`, { cause: error })
  }
}

/** The documents of a file as plain objects; empty ones (a trailing `---`) are skipped. Throws `UsageError` with line and column. */
export function parseDocuments(file: string, yaml: string): Documents {
  const found: Readonly<Record<string, unknown>>[] = []
  const documents = parseAllDocuments(yaml)
  for (const [index, document] of (Array.isArray(documents) ? documents : []).entries()) {
    const [error] = document.errors
    if (error !== undefined) throw new UsageError(`${file}: ${error.message}`, { cause: error })
    const value: unknown = document.toJS()
    if (value === null) continue
    if (typeof value !== 'object' || Array.isArray(value)) {
      throw new UsageError(`${file}: document ${index + 1} is not a mapping such as "kind: Topic"`)
    }
    found.push(value as Readonly<Record<string, unknown>>)
  }
  return found
}
