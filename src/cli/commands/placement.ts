import type { Command } from 'commander'
import type { PlacementDocument } from '../../core/placement.ts'
import { examples, present, withControl } from '../context.ts'
import { table } from '../output.ts'
import type { Terminal } from '../terminal.ts'

/** `forebay placement list` */
export function addPlacementCommands(program: Command, terminal: Terminal): void {
  const placement = program
    .command('placement')
    .description('Which topic lives on which cluster now')
    .addHelpText('after', examples('forebay placement list'))
  placement
    .command('list')
    .description('All placements, with the version that proxies and routers follow')
    .addHelpText('after', examples('forebay placement list', 'forebay placement list --json | jq .version'))
    .action((_options: object, command: Command) =>
      withControl(terminal, command, async (context) => {
        const document = await context.control.get<PlacementDocument>('/v1/placements')
        present(context, document, () => placementText(document))
      }),
    )
}

function placementText({ version, leaseTerm, storeId, placements }: PlacementDocument): string {
  return `version ${version}, term ${leaseTerm}, store ${storeId}\n\n${table(
    ['topic', 'delivery', 'cluster', 'standby', 'holders', 'partitions', 'degraded'],
    placements.map((placed) => [
      placed.topic,
      placed.delivery,
      placed.cluster,
      placed.standby,
      placed.holders.join(','),
      placed.partitions,
      placed.degraded,
    ]),
  )}`
}
