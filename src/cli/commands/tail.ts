import { type Command, Option } from 'commander'
import type { PlacementDocument } from '../../core/placement.ts'
import { type CommandContext, examples, withControl } from '../context.ts'
import { wholeNumber } from '../options.ts'
import { type TailedRecord, valueText } from '../tail/record.ts'
import { findSource } from '../tail/source.ts'
import type { Terminal } from '../terminal.ts'

interface TailOptions {
  readonly from: 'earliest' | 'latest'
  readonly cluster?: string
  readonly count?: number
  readonly follow: boolean
}

/** `forebay tail TOPIC` */
export function addTailCommand(program: Command, terminal: Terminal): void {
  program
    .command('tail')
    .argument('<topic>')
    .description("Print a topic's events as they arrive in Kafka, until Ctrl-C")
    .addOption(
      new Option('--from <where>', 'earliest: everything that is there, too')
        .choices(['earliest', 'latest'])
        .default('latest'),
    )
    .option(
      '--cluster <name>',
      'read it there (default: where its kafka route ends, else its fronting cluster)',
    )
    .option('-n, --count <n>', 'end after this many', wholeNumber)
    .option('--no-follow', 'end at the present end')
    .addHelpText(
      'after',
      examples(
        'forebay tail sample.events',
        'forebay tail sample.events --from earliest -n 10',
        'forebay tail sample.events --from earliest --no-follow | wc -l',
        'forebay tail sample.orders --cluster fronting-a --json     one JSON value a line',
      ),
    )
    .action((topic: string, options: TailOptions, command: Command) =>
      withControl(terminal, command, (context) => tail(context, topic, options)),
    )
}

async function tail(
  { control, terminal, json }: CommandContext,
  topic: string,
  options: TailOptions,
): Promise<void> {
  if (options.count === 0) return
  const document = await control.get<PlacementDocument>('/v1/placements')
  const source = findSource(document, topic, options.cluster)
  if (terminal.live) terminal.note(`${source.topic} on ${source.cluster.id}, from ${options.from}\n`)
  // Kafka's client takes half a second to load: only who reads Kafka waits for it.
  const { follow } = await import('../tail/follow.ts')
  let printed = 0
  await follow(source, {
    from: options.from,
    untilEnd: !options.follow,
    signal: terminal.interrupted,
    onTrouble: (message) => terminal.note(`${message}\n`),
    onRecord: (record: TailedRecord) => {
      terminal.write(`${json ? JSON.stringify(record) : valueText(record)}\n`)
      printed += 1
      return printed !== options.count
    },
  })
}
