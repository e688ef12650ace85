import { type Command, Option } from 'commander'
import type { Cluster } from '../../core/resources.ts'
import { segment } from '../client.ts'
import { type CommandContext, examples, present, withControl } from '../context.ts'
import { CommandFailure } from '../failure.ts'
import { listOption } from '../options.ts'
import { fields, table } from '../output.ts'
import type { Terminal } from '../terminal.ts'

interface AddOptions {
  readonly role: string
  readonly bootstrap: readonly string[]
  readonly standby?: string
  readonly failback?: string
}

/** The leader adds what it sees of a fronting cluster. */
interface ShownCluster extends Cluster {
  readonly health?: {
    readonly state: string
    readonly decision: { readonly action: string; readonly why: string; readonly since: string }
    readonly scores: { readonly proxies: number; readonly watch: number }
    readonly rounds: readonly {
      readonly at: string
      readonly blind?: boolean
      readonly proxies?: { readonly kind: string; readonly why: string }
      readonly watch?: { readonly kind: string; readonly why: string }
    }[]
  }
}

/** `forebay cluster list|show|add|remove` */
export function addClusterCommands(program: Command, terminal: Terminal): void {
  const cluster = program
    .command('cluster')
    .description('Kafka clusters that Forebay knows')
    .addHelpText('after', examples('forebay cluster list', 'forebay cluster show fronting-a'))
  cluster
    .command('list')
    .description('All clusters')
    .addHelpText('after', examples('forebay cluster list --json'))
    .action((_options: object, command: Command) => withControl(terminal, command, listClusters))
  cluster
    .command('show')
    .argument('<cluster>')
    .description('One cluster')
    .addHelpText('after', examples('forebay cluster show fronting-a'))
    .action((name: string, _options: object, command: Command) =>
      withControl(terminal, command, async (context) => {
        const found = await context.control.get<ShownCluster>(`/v1/clusters/${segment(name)}`)
        const { health, ...cluster } = found
        const notes = await notesOf(context, name)
        present(
          context,
          { ...found, notes },
          () => `${fields(cluster)}${notesText(notes)}${health === undefined ? '' : healthText(health)}`,
        )
      }),
    )
  addAdd(cluster, terminal)
  cluster
    .command('remove')
    .argument('<cluster>')
    .description('Forget a cluster that no topic and no route uses; Kafka itself is not touched')
    .addHelpText('after', examples('forebay cluster remove standby-b'))
    .action((name: string, _options: object, command: Command) =>
      withControl(terminal, command, async (context) => {
        await context.control.remove(`/v1/clusters/${segment(name)}`)
        present(context, { removed: name }, () => `removed ${name}\n`)
      }),
    )
}

function addAdd(cluster: Command, terminal: Terminal): void {
  cluster
    .command('add')
    .argument('<cluster>', 'the name it gets here')
    .description('Make a running Kafka cluster known')
    .addOption(
      new Option(
        '--role <role>',
        'fronting takes events first, standby stands in for it, readers read consumer',
      )
        .choices(['fronting', 'standby', 'consumer'])
        .makeOptionMandatory(),
    )
    .requiredOption('--bootstrap <list>', 'host:port of a few brokers, separated by commas', listOption)
    .option('--standby <cluster>', 'fronting clusters only: the standby that stands in for it')
    .addOption(
      new Option(
        '--failback <when>',
        'fronting clusters only: auto brings topics home when it is well again (default)',
      ).choices(['auto', 'manual']),
    )
    .addHelpText(
      'after',
      examples(
        'forebay cluster add fronting-b --role fronting --bootstrap kafka-1:9092,kafka-2:9092 --standby standby-a',
        'forebay cluster add consumer --role consumer --bootstrap 127.0.0.1:9096',
      ),
    )
    .action((name: string, { role, bootstrap, standby, failback }: AddOptions, command: Command) =>
      withControl(terminal, command, async (context) => {
        const body = {
          ...{ name, role, bootstrap },
          ...(standby === undefined ? {} : { standby }),
          ...(failback === undefined ? {} : { failback }),
        }
        const { value } = await context.control.call<Cluster>('POST', '/v1/clusters', { body })
        const notes = await notesOf(context, name)
        present(context, { ...value, notes }, () => `added ${name}\n\n${fields(value)}${notesText(notes)}`)
      }),
    )
}

/** What the cluster itself says now; a cold standby says nothing. */
async function notesOf({ control }: CommandContext, name: string): Promise<readonly string[]> {
  try {
    const { notes = [] } = await control.get<{ notes?: readonly string[] }>(
      `/v1/clusters/${segment(name)}/brokers`,
    )
    return notes
  } catch (error) {
    if (!(error instanceof CommandFailure)) throw error
    return ['it does not answer now']
  }
}

function notesText(notes: readonly string[]): string {
  return notes.length === 0 ? '' : `\n${notes.join('\n')}\n`
}

async function listClusters(context: CommandContext): Promise<void> {
  const clusters = await context.control.list<Cluster>('clusters')
  present(context, clusters, () =>
    table(
      ['cluster', 'role', 'standby', 'bootstrap'],
      clusters.map((cluster) => [cluster.name, cluster.role, cluster.standby, cluster.bootstrap.join(',')]),
    ),
  )
}

function healthText({ state, decision, scores, rounds }: NonNullable<ShownCluster['health']>): string {
  const words = [
    `\nits topics are ${state}; since ${decision.since}: ${decision.action}: ${decision.why}`,
    `bad rounds, as proxies say ${scores.proxies} and as our watch says ${scores.watch}:`,
  ]
  const seen = table(
    ['round until', 'proxies', 'watch', 'what'],
    rounds.map(({ at, proxies, watch }) => [
      at,
      proxies?.kind ?? 'blind',
      watch?.kind ?? 'blind',
      [proxies, watch].flatMap((one) => (one === undefined ? [] : [one.why])).join('; '),
    ]),
  )
  return `${words.join('\n')}\n\n${seen}`
}
