import type { Command } from 'commander'
import type { Terminal } from '../terminal.ts'
import { addMoveCommands } from './moves.ts'

/** `forebay failover plan|start|show|list` */
export function addFailoverCommands(program: Command, terminal: Terminal): void {
  addMoveCommands(program, terminal, 'failover')
}
