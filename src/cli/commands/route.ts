import { type Command, Option } from 'commander'
import type { SinkSpec } from '../../core/placement.ts'
import type { Route } from '../../core/resources.ts'
import { formatBytes } from '../../core/units.ts'
import { segment } from '../client.ts'
import { type CommandContext, examples, present, withControl } from '../context.ts'
import { CommandFailure, UsageError } from '../failure.ts'
import { fields, table } from '../output.ts'
import type { Terminal } from '../terminal.ts'

interface CreateOptions {
  readonly sink: 'kafka' | 'file'
  readonly name?: string
  readonly from?: string
  readonly cluster?: string
  readonly sinkTopic?: string
  readonly directory?: string
  readonly rotate?: string
}

/** `forebay route list|show|create|pause|resume|seek|delete` */
export function addRouteCommands(program: Command, terminal: Terminal): void {
  const route = program
    .command('route')
    .description('Routes: which sink each topic is carried to')
    .addHelpText('after', examples('forebay route list', 'forebay route pause sample.events.file'))
  route
    .command('list')
    .description('All routes')
    .addHelpText('after', examples('forebay route list --json'))
    .action((_options: object, command: Command) => withControl(terminal, command, listRoutes))
  route
    .command('show')
    .argument('<route>')
    .description('One route')
    .addHelpText('after', examples('forebay route show sample.events.kafka'))
    .action((id: string, _options: object, command: Command) =>
      withControl(terminal, command, async (context) => {
        const found = await context.control.get<Route>(`/v1/routes/${segment(id)}`)
        present(context, found, () => fields(found))
      }),
    )
  addCreate(route, terminal)
  addStateChanges(route, terminal)
}

function addCreate(route: Command, terminal: Terminal): void {
  route
    .command('create')
    .argument('<topic>')
    .description('Carry a topic to a sink')
    .addOption(new Option('--sink <type>', 'where to').choices(['kafka', 'file']).makeOptionMandatory())
    .option('--name <id>', 'id of the route (default: <topic>.<sink type>)')
    .addOption(new Option('--from <where>', 'where it begins').choices(['earliest', 'latest']))
    .option('--cluster <name>', 'kafka: the consumer cluster (may be left out when there is only one)')
    .option('--sink-topic <topic>', 'kafka: the topic there (default: the same name)')
    .option('--directory <dir>', "file: below the router's data folder unless absolute")
    .option('--rotate <size>', 'file: begin the next file at this size, e.g. 128MiB')
    .addHelpText(
      'after',
      examples(
        'forebay route create web.clicks --sink kafka',
        'forebay route create web.clicks --sink file --directory /var/lib/forebay/clicks --rotate 1GiB',
      ),
    )
    .action((topic: string, options: CreateOptions, command: Command) =>
      withControl(terminal, command, async (context) => {
        const body = routeDocument(topic, options)
        const { value } = await context.control.call<Route>('POST', '/v1/routes', { body })
        present(context, value, () => `created ${value.name}\n\n${fields(value)}`)
      }),
    )
}

function addStateChanges(route: Command, terminal: Terminal): void {
  for (const [verb, done, description] of [
    ['pause', 'paused', 'Stop carrying; offsets are kept'],
    ['resume', 'running', 'Carry on where it stopped'],
  ] as const) {
    route
      .command(verb)
      .argument('<route>')
      .description(description)
      .addHelpText('after', examples(`forebay route ${verb} sample.events.file`))
      .action((id: string, _options: object, command: Command) =>
        withControl(terminal, command, async (context) => {
          const { value } = await context.control.call<Route>('POST', `/v1/routes/${segment(id)}/${verb}`)
          present(context, value, () => `${id} is ${done}\n`)
        }),
      )
  }
  route
    .command('seek')
    .argument('<route>')
    .description('Go back or forth in the topic (not supported yet)')
    .action(() => {
      throw new CommandFailure('seeking a route is not supported yet', {
        advice: 'For now: delete the route and create it again with --from.',
      })
    })
  route
    .command('delete')
    .argument('<route>')
    .description('Stop carrying and forget the route; what the sink has stays')
    .addHelpText('after', examples('forebay route delete web.clicks.file'))
    .action((id: string, _options: object, command: Command) =>
      withControl(terminal, command, async (context) => {
        await context.control.remove(`/v1/routes/${segment(id)}`)
        present(context, { deleted: id }, () => `deleted ${id}\n`)
      }),
    )
}

/** The document of a route as `apply` takes it; options that belong to another sink are refused. */
export function routeDocument(topic: string, options: CreateOptions): object {
  const own = {
    kafka: { cluster: options.cluster, topic: options.sinkTopic },
    file: { directory: options.directory, rotate: options.rotate },
  }
  const other = options.sink === 'kafka' ? own.file : own.kafka
  if (Object.values(other).some((value) => value !== undefined)) {
    throw new UsageError(
      options.sink === 'kafka'
        ? '--directory and --rotate belong to --sink file'
        : '--cluster and --sink-topic belong to --sink kafka',
    )
  }
  return withoutAbsent({
    name: options.name,
    topic,
    sink: withoutAbsent({ type: options.sink, ...own[options.sink] }),
    from: options.from,
  })
}

function withoutAbsent(value: object): object {
  return Object.fromEntries(Object.entries(value).filter(([, field]) => field !== undefined))
}

async function listRoutes(context: CommandContext): Promise<void> {
  const routes = await context.control.list<Route>('routes')
  present(context, routes, () =>
    table(
      ['route', 'topic', 'state', 'from', 'sink'],
      routes.map((route) => [route.name, route.topic, route.state, route.from, sinkText(route.sink)]),
    ),
  )
}

/** A sink in one cell: `kafka consumer/web.clicks`. */
export function sinkText(sink: SinkSpec): string {
  return sink.type === 'kafka'
    ? `kafka ${sink.cluster}/${sink.topic}`
    : `file ${sink.directory} (rotate ${formatBytes(sink.rotateBytes)})`
}
