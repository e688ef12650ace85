import type { Command } from 'commander'
import { formatDurationMs } from '../../core/units.ts'
import { examples, present, withControl } from '../context.ts'
import { table } from '../output.ts'
import type { Terminal } from '../terminal.ts'

/** As `GET /v1/proxies` shows it. */
interface ShownProxy {
  readonly id: string
  readonly state: string
  readonly since: string
  readonly reportAgeMs: number
  readonly placement?: { readonly version: number; readonly settledVersion: number }
}

/** `forebay proxy list`; `proxy` without it is the process. */
export function addProxyCommands(proxy: Command, terminal: Terminal): void {
  proxy
    .command('list')
    .helpOption('-h, --help', 'display help for command')
    .allowUnknownOption(false)
    .allowExcessArguments(false)
    .description('Proxies that report: who is alive, and which placement they work by')
    .addHelpText('after', examples('forebay proxy list', 'forebay proxy list --json'))
    .action((_options: object, command: Command) =>
      withControl(terminal, command, async (context) => {
        const found = await context.control.list<ShownProxy>('proxies')
        present(context, found, () =>
          table(
            ['proxy', 'state', 'last report', 'placement', 'settled', 'since'],
            found.map(({ id, state, since, reportAgeMs, placement }) => [
              id,
              state,
              `${formatDurationMs(Math.round(reportAgeMs / 100) * 100)} ago`,
              placement?.version,
              placement?.settledVersion,
              since,
            ]),
          ),
        )
      }),
    )
}
