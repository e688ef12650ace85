import type { Command } from 'commander'
import type { Terminal } from '../terminal.ts'
import { addMoveCommands } from './moves.ts'

/** `forebay failback plan|start|show|list` */
export function addFailbackCommands(program: Command, terminal: Terminal): void {
  addMoveCommands(program, terminal, 'failback')
}
