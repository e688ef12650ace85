import type { Command } from 'commander'
import type { OperationKind, OperationSummary, OperationView, PlanView } from '../../core/operations.ts'
import { segment } from '../client.ts'
import { type CommandContext, examples, present, withControl } from '../context.ts'
import { SaidFailure } from '../failure.ts'
import { followOperation } from '../follow-operation.ts'
import { operationTable, operationText } from '../operation-text.ts'
import { listOption } from '../options.ts'
import { grouped, plural, table } from '../output.ts'
import type { Terminal } from '../terminal.ts'

interface PlanOptions {
  readonly topics?: readonly string[]
  readonly planned?: boolean
}

interface StartOptions extends PlanOptions {
  readonly reason: string
  readonly dryRun?: boolean
  readonly wait: boolean
}

interface Words {
  readonly what: string
  readonly plan: string
  readonly start: string
  readonly examples: readonly string[]
}

const words: Readonly<Record<OperationKind, Words>> = {
  failover: {
    what: "Move a cluster's topics to its standby",
    plan: 'What would move, in which order, and what stands in the way; nothing is changed',
    start: 'Move the topics, and follow it until it has ended (Ctrl-C leaves it running)',
    examples: [
      'forebay failover start fronting-a --reason "the rack is on fire"',
      'forebay failover start fronting-a --topics web.clicks --planned --reason "broker upgrade"',
      'forebay failover start fronting-a --dry-run --reason "drill of the month"',
    ],
  },
  failback: {
    what: "Bring a cluster's topics back from its standby",
    plan: 'What would come back, in which order; nothing is changed',
    start: 'Bring the topics back, and follow it until it has ended (Ctrl-C leaves it running)',
    examples: [
      'forebay failback start fronting-a --reason "the brokers are back"',
      'forebay failback start fronting-a --topics web.clicks --reason "upgrade done"',
    ],
  },
}

/** `forebay failover plan|start|show|list` and the same of `failback`. */
export function addMoveCommands(program: Command, terminal: Terminal, kind: OperationKind): void {
  const { what, examples: lines } = words[kind]
  const noun = program
    .command(kind)
    .description(what)
    .addHelpText('after', examples(...lines))
  addPlan(noun, terminal, kind)
  addStart(noun, terminal, kind)
  noun
    .command('show')
    .argument('<id>')
    .description('One with each of its steps')
    .addHelpText('after', examples(`forebay ${kind} show ${kind}-mf3k2j1x-0a1b2c3d`))
    .action((id: string, _options: object, command: Command) =>
      withControl(terminal, command, async (context) => {
        const found = await context.control.get<OperationView>(`/v1/${kind}s/${segment(id)}`)
        present(context, found, () => operationText(context.terminal, found))
      }),
    )
  noun
    .command('list')
    .description('All of them, newest first')
    .addHelpText('after', examples(`forebay ${kind} list --json`))
    .action((_options: object, command: Command) =>
      withControl(terminal, command, async (context) => {
        const found = await context.control.list<OperationSummary>(`${kind}s`)
        present(context, found, () => operationTable(found))
      }),
    )
}

function addPlan(noun: Command, terminal: Terminal, kind: OperationKind): void {
  const { plan } = words[kind]
  const command = noun
    .command('plan')
    .argument('<cluster>', 'the fronting cluster that is the home of the topics')
    .description(plan)
    .option('--topics <list>', 'only these, separated by commas (default: all)', listOption)
  if (kind === 'failover') plannedOption(command)
  command
    .addHelpText('after', examples(`forebay ${kind} plan fronting-a`))
    .action((cluster: string, options: PlanOptions, self: Command) =>
      withControl(terminal, self, async (context) => {
        const query = new URLSearchParams({ cluster })
        if (options.topics !== undefined) query.set('topics', options.topics.join(','))
        if (options.planned !== undefined) query.set('planned', String(options.planned))
        const found = await context.control.get<PlanView>(`/v1/${kind}s/plan?${query}`)
        present(context, found, () => planText(found))
      }),
    )
}

function addStart(noun: Command, terminal: Terminal, kind: OperationKind): void {
  const command = noun
    .command('start')
    .argument('<cluster>', 'the fronting cluster that is the home of the topics')
    .description(words[kind].start)
    .requiredOption('--reason <text>', 'why, for the audit log')
    .option('--topics <list>', 'only these, separated by commas (default: all)', listOption)
    .option('--dry-run', 'a drill: check every step and change nothing')
    .option('--no-wait', 'begin it and do not wait for its end')
  if (kind === 'failover') plannedOption(command)
  command
    .addHelpText('after', examples(...words[kind].examples))
    .action((cluster: string, options: StartOptions, self: Command) =>
      withControl(terminal, self, (context) => start(context, kind, cluster, options)),
    )
}

function plannedOption(command: Command): void {
  command
    .option(
      '--planned',
      'the cluster is well: lose nothing, and empty it first (default: if it is seen to be)',
    )
    .option('--no-planned', 'do not wait for it, even if it seems well')
}

/** Throws `SaidFailure` when it was taken back, or when a drill did not pass. */
async function start(
  context: CommandContext,
  kind: OperationKind,
  cluster: string,
  { topics, reason, dryRun, planned, wait }: StartOptions,
): Promise<void> {
  const body = {
    cluster,
    reason,
    ...(topics === undefined ? {} : { topics }),
    ...(dryRun === true ? { dryRun } : {}),
    ...(planned === undefined ? {} : { planned }),
  }
  const { value } = await context.control.call<OperationView>('POST', `/v1/${kind}s`, { body })
  if (!wait)
    return present(context, value, () => `began ${value.id}\n\nSee: forebay ${kind} show ${value.id}\n`)
  const { state, passed } = await followOperation(context, value)
  if (state === 'undone' || passed === false) throw new SaidFailure('it did not come to its end')
}

function planText({ kind, cluster, standby, planned, batches, left, notes, problems }: PlanView): string {
  const [from, to] = kind === 'failover' ? [cluster, standby] : [standby, cluster]
  const topics = batches.flatMap((batch, index) => batch.map((topic) => ({ ...topic, batch: index + 1 })))
  const how = kind === 'failover' ? (planned ? ', planned: nothing is lost' : ', without waiting for it') : ''
  const lines = [
    `${plural(topics.length, 'topic')} from ${from} to ${to} in ${batches.length === 1 ? '1 batch' : `${batches.length} batches`}${how}\n\n`,
    table(
      ['batch', 'topic', 'partitions', 'records/s'],
      topics.map(({ batch, topic, partitions, recordsPerSecond }) => [
        batch,
        topic,
        partitions,
        grouped(recordsPerSecond),
      ]),
    ),
    ...left.map(({ topic, why }) => `stays: ${topic}: ${why}\n`),
    ...notes.map((note) => `note: ${note}\n`),
    ...problems.map((problem) => `cannot begin: ${problem}\n`),
  ]
  return lines.join('')
}
