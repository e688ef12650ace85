import { join } from 'node:path'
import { launcher } from './package-files.ts'
import { hookUrl } from './stack-hooks.ts'
import { type ForebayProcess, processUrl, type StackLayout, stackPaths } from './stack-layout.ts'
import { type ProcessDeath, SupervisedProcess } from './supervised-process.ts'

export interface ForebayProcessHooks {
  readonly onDeath: (name: ForebayProcess, death: ProcessDeath) => void
  readonly onRestarted: (name: ForebayProcess) => void
}

// Someone who typed Ctrl-C is waiting: no load balancer has to notice first.
const drain = ['--drain-grace', '200ms', '--drain-timeout', '10s']

/** Control plane, proxy and router of a stack, as `forebay <name>` runs them. */
export function forebayProcesses(
  layout: StackLayout,
  hooks: ForebayProcessHooks,
): Readonly<Record<ForebayProcess, SupervisedProcess>> {
  const paths = stackPaths(layout.directory)
  const store = join(paths.state('control'), 'control.sqlite')
  const follow = ['--control', processUrl(layout, 'control')]
  const create = (name: ForebayProcess, marker: string, args: readonly string[]) =>
    new SupervisedProcess({
      name,
      args: [launcher(), name, '--port', String(layout.ports[name]), ...args],
      marker,
      logFile: join(paths.logs, `${name}.log`),
      pidFile: join(paths.logs, `${name}.pid`),
      url: processUrl(layout, name),
      onDeath: (death) => hooks.onDeath(name, death),
      onRestarted: () => hooks.onRestarted(name),
    })
  const proxyState = paths.state('proxy')
  const routerState = paths.state('router')
  return {
    control: create('control', store, [
      ...['--store', store, '--drain-timeout', '10s'],
      ...['--scale-up-hook', hookUrl(layout, 'scale-up'), '--scale-down-hook', hookUrl(layout, 'scale-down')],
    ]),
    proxy: create('proxy', proxyState, ['--data-dir', proxyState, ...follow, ...drain]),
    router: create('router', routerState, ['--data-dir', routerState, ...follow, '--drain-timeout', '10s']),
  }
}
