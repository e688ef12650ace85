import type { Command } from 'commander'
import type { OperationSummary, OperationView } from '../../core/operations.ts'
import { segment } from '../client.ts'
import { examples, present, withControl } from '../context.ts'
import { followOperation } from '../follow-operation.ts'
import { operationTable, operationText } from '../operation-text.ts'
import type { Terminal } from '../terminal.ts'

interface CancelOptions {
  readonly reason: string
  readonly wait: boolean
}

/** `forebay operation list|show|cancel` */
export function addOperationCommands(program: Command, terminal: Terminal): void {
  const operation = program
    .command('operation')
    .description('Everything that takes a while: failovers, failbacks')
    .addHelpText(
      'after',
      examples('forebay operation list', 'forebay operation show failover-mf3k2j1x-0a1b2c3d'),
    )
  operation
    .command('list')
    .description('All operations, newest first')
    .addHelpText('after', examples('forebay operation list --json'))
    .action((_options: object, command: Command) =>
      withControl(terminal, command, async (context) => {
        const found = await context.control.list<OperationSummary>('operations')
        present(context, found, () => operationTable(found))
      }),
    )
  operation
    .command('show')
    .argument('<id>')
    .description('One operation with each of its steps')
    .addHelpText('after', examples('forebay operation show failover-mf3k2j1x-0a1b2c3d'))
    .action((id: string, _options: object, command: Command) =>
      withControl(terminal, command, async (context) => {
        const found = await context.control.get<OperationView>(`/v1/operations/${segment(id)}`)
        present(context, found, () => operationText(context.terminal, found))
      }),
    )
  operation
    .command('cancel')
    .argument('<id>')
    .description(
      'Take it back, while that is possible: a failover that has moved nothing, a failback that has released nothing',
    )
    .requiredOption('--reason <text>', 'why, for the audit log')
    .option('--no-wait', 'do not wait until it is taken back')
    .addHelpText(
      'after',
      examples('forebay operation cancel failover-mf3k2j1x-0a1b2c3d --reason "false alarm"'),
    )
    .action((id: string, { reason, wait }: CancelOptions, command: Command) =>
      withControl(terminal, command, async (context) => {
        const path = `/v1/operations/${segment(id)}/cancel`
        const { value } = await context.control.call<OperationView>('POST', path, { body: { reason } })
        if (!wait) return present(context, value, () => `taking back ${id}\n`)
        // However it ended: that it was taken back is what was asked for.
        await followOperation(context, value)
      }),
    )
}
