import type { Command } from 'commander'
import type { Topic } from '../../core/resources.ts'
import { formatBytes, formatDurationMs } from '../../core/units.ts'
import { segment } from '../client.ts'
import { type CommandContext, examples, present, withControl } from '../context.ts'
import { CommandFailure } from '../failure.ts'
import { listOption, wholeNumber } from '../options.ts'
import { fields, table } from '../output.ts'
import type { Terminal } from '../terminal.ts'

interface CreateOptions {
  readonly owner: string
  readonly delivery?: string
  readonly cluster?: string
  readonly partitions?: number
  readonly retention?: string
  readonly maxEvent?: string
  readonly check?: string
  readonly eventId?: string
  readonly compression?: string
  readonly mediaTypes?: readonly string[]
}

/** `forebay topic list|show|create|delete` */
export function addTopicCommands(program: Command, terminal: Terminal): void {
  const topic = program
    .command('topic')
    .description('Topics: what apps post events to')
    .addHelpText(
      'after',
      examples('forebay topic list', 'forebay topic create web.clicks --owner web-team --partitions 6'),
    )
  topic
    .command('list')
    .description('All topics')
    .addHelpText('after', examples('forebay topic list', "forebay topic list --json | jq '.[].name'"))
    .action((_options: object, command: Command) => withControl(terminal, command, listTopics))
  topic
    .command('show')
    .argument('<topic>')
    .description('One topic, and how it came out on each cluster')
    .addHelpText('after', examples('forebay topic show sample.events'))
    .action((name: string, _options: object, command: Command) =>
      withControl(terminal, command, (context) => showTopic(context, name)),
    )
  addCreate(topic, terminal)
  topic
    .command('delete')
    .argument('<topic>')
    .option('--yes', 'delete it, with everything it holds')
    .description('Say what deleting a topic would lose; with --yes, delete it')
    .addHelpText(
      'after',
      examples('forebay topic delete web.clicks', 'forebay topic delete web.clicks --yes'),
    )
    .action((name: string, options: { yes?: boolean }, command: Command) =>
      withControl(terminal, command, (context) => deleteTopic(context, name, options.yes === true)),
    )
}

function addCreate(topic: Command, terminal: Terminal): void {
  topic
    .command('create')
    .argument('<topic>', 'namespace.topic')
    .description('Make a topic here and on its Kafka clusters')
    .requiredOption('--owner <who>', 'who answers for it')
    .option('--delivery <class>', 'fast (202, may drop and says so) or durable (answered after the acks)')
    .option('--cluster <name>', 'fronting cluster (may be left out when there is only one)')
    .option('--partitions <n>', 'number of partitions', wholeNumber)
    .option('--retention <duration>', 'how long Kafka keeps it, e.g. 8h')
    .option('--max-event <size>', 'largest event, e.g. 1MiB')
    .option('--check <how>', 'none, structure or grammar')
    .option('--event-id <how>', 'none or header: a UUIDv7 for each record')
    .option('--compression <codec>', 'none, gzip, snappy, lz4 or zstd')
    .option('--media-types <list>', 'media types it takes, separated by commas', listOption)
    .addHelpText(
      'after',
      examples(
        'forebay topic create web.clicks --owner web-team',
        'forebay topic create shop.orders --owner shop --delivery durable --retention 7d',
      ),
    )
    .action((name: string, options: CreateOptions, command: Command) =>
      withControl(terminal, command, (context) => createTopic(context, name, options)),
    )
}

async function listTopics(context: CommandContext): Promise<void> {
  const topics = await context.control.list<Topic>('topics')
  present(context, topics, () =>
    table(
      ['topic', 'owner', 'delivery', 'cluster', 'partitions', 'retention', 'max event'],
      topics.map((topic) => [
        topic.name,
        topic.owner,
        topic.delivery,
        topic.cluster,
        topic.partitions,
        formatDurationMs(topic.retentionMs),
        formatBytes(topic.maxEventBytes),
      ]),
    ),
  )
}

async function showTopic(context: CommandContext, name: string): Promise<void> {
  const topic = await context.control.get<Topic>(`/v1/topics/${segment(name)}`)
  present(context, topic, () => topicText(topic))
}

function topicText({ provisioned = [], ...topic }: Topic): string {
  return `${fields(topic)}\n${table(
    ['cluster', 'partitions', 'replicas', 'min in sync', 'topic id', 'degraded'],
    provisioned.map((made) => [
      made.cluster,
      made.partitions,
      made.replicas,
      made.minInSync,
      made.topicId,
      made.degraded,
    ]),
  )}`
}

async function createTopic(context: CommandContext, name: string, options: CreateOptions): Promise<void> {
  const { maxEvent, ...rest } = options
  const body = { name, ...rest, ...(maxEvent === undefined ? {} : { maxEventBytes: maxEvent }) }
  const { value } = await context.control.call<Topic>('POST', '/v1/topics', { body })
  present(context, value, () => `created ${name}\n\n${topicText(value)}`)
}

async function deleteTopic(context: CommandContext, name: string, yes: boolean): Promise<void> {
  try {
    await context.control.remove(`/v1/topics/${segment(name)}`, yes ? '?yes=true' : '')
  } catch (error) {
    // Another conflict, such as a route that carries it, is not cured by --yes.
    const asked =
      error instanceof CommandFailure ? error.problem?.detail.split(/ *Ask again with yes=true/) : []
    if (!(error instanceof CommandFailure) || error.problem === undefined || asked?.length !== 2) throw error
    throw new CommandFailure(`nothing was deleted: ${asked[0]}`, {
      problem: error.problem,
      advice: `To delete it all the same: forebay topic delete ${name} --yes`,
      cause: error,
    })
  }
  present(context, { deleted: name }, () => `deleted ${name}\n`)
}
