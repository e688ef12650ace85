import type { Command } from 'commander'
import type { FreezeView } from '../../core/operations.ts'
import type { Page } from '../../core/resources.ts'
import { examples, present, withControl } from '../context.ts'
import { UsageError } from '../failure.ts'
import { table } from '../output.ts'
import type { Terminal } from '../terminal.ts'

interface FreezeOptions {
  readonly reason?: string
  readonly off?: boolean
}

/** `forebay freeze [cluster] [--off]`; without a reason it shows what is frozen. */
export function addFreezeCommand(program: Command, terminal: Terminal): void {
  program
    .command('freeze')
    .argument('[cluster]', 'only moves of this one (default: of all)')
    .description('Let no cluster be failed over or back by itself; without --reason: show what is frozen')
    .option('--reason <text>', 'why, for the audit log')
    .option('--off', 'lift the freeze')
    .addHelpText(
      'after',
      examples(
        'forebay freeze',
        'forebay freeze --reason "network maintenance until 14:00"',
        'forebay freeze fronting-a --off --reason "maintenance is over"',
      ),
    )
    .action((cluster: string | undefined, { reason, off = false }: FreezeOptions, command: Command) =>
      withControl(terminal, command, async (context) => {
        const { control } = context
        if (off && reason === undefined) throw new UsageError('freeze --off: say why, with --reason')
        if (reason !== undefined && off) {
          const query = new URLSearchParams({ reason, ...(cluster === undefined ? {} : { cluster }) })
          await control.call('DELETE', `/v1/freeze?${query}`)
        } else if (reason !== undefined)
          await control.call('PUT', '/v1/freeze', {
            body: { reason, ...(cluster === undefined ? {} : { cluster }) },
          })
        else if (cluster !== undefined) throw new UsageError(`freeze ${cluster}: say why, with --reason`)
        const { items } = await control.get<Page<FreezeView>>('/v1/freeze')
        present(context, items, () => freezeText(items))
      }),
    )
}

function freezeText(items: readonly FreezeView[]): string {
  if (items.length === 0) return 'nothing is frozen\n'
  return table(
    ['cluster', 'by', 'since', 'reason'],
    items.map(({ cluster = 'all', actor, at, reason }) => [cluster, actor, at, reason]),
  )
}
