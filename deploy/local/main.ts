import { LocalStack } from './local-stack.ts'
import { processUrl, type StackLayout, stackLayout } from './stack-layout.ts'
import { parseStartOptions, type StartOptions, StartUsageError, startHelp } from './start-options.ts'
import { listenForStop } from './stop-request.ts'

/** `forebay start`: the whole stack in the foreground. Exit 0 after Ctrl-C, 1 when it failed, 2 for wrong usage. */
export async function main(argv: readonly string[]): Promise<void> {
  const options = readOptions(argv)
  if (options.help) {
    process.stdout.write(startHelp)
    process.exit(0)
  }
  process.exit(await runStack(options))
}

function readOptions(argv: readonly string[]): StartOptions {
  try {
    return parseStartOptions(argv, process.cwd())
  } catch (error) {
    if (!(error instanceof StartUsageError)) throw error
    process.stderr.write(`forebay start: ${error.message}\n`)
    process.exit(2)
  }
}

async function runStack({ directory, fresh, portBase, sinks }: StartOptions): Promise<number> {
  const startedMs = performance.now()
  const layout = stackLayout(directory, portBase)
  const say = (line: string) => console.log(line)
  const fatal = Promise.withResolvers<never>()
  const stack = new LocalStack({ layout, fresh, sinks, say, onFatal: fatal.reject })
  const { requested, insisted } = listenForStop()
  // After the terminal was closed nobody reads the lines.
  process.stdout.on('error', () => undefined)
  process.once('exit', () => stack.killNow())
  let code = 0
  try {
    const started = stack.start().then(() => 'started' as const)
    if ((await Promise.race([started, requested, fatal.promise])) === 'started') {
      say(greeting(layout, (performance.now() - startedMs) / 1000))
      await Promise.race([requested, fatal.promise])
    } else {
      // It is stopped below, and then fails because of that.
      started.catch(() => undefined)
    }
    say('stopping…')
  } catch (error) {
    code = 1
    process.stderr.write(`forebay start: ${explain(error as Error, directory)}\n`)
  }
  if ((await Promise.race([stack.stop(), insisted])) === 'insisted') {
    stack.killNow()
    say('stopped at once')
    return 1
  }
  say('stopped')
  return code
}

function explain(error: Error, directory: string): string {
  if ((error as NodeJS.ErrnoException).code === 'ENOSPC')
    return `the disk of ${directory} is full (${error.message})`
  return error.message
}

function greeting(layout: StackLayout, seconds: number): string {
  const proxy = processUrl(layout, 'proxy')
  const kafka = layout.clusters.map(
    ({ name, brokers }) =>
      `  ${name.padEnd(11)} ${brokers.map(({ port, asleep }) => `127.0.0.1:${port}${asleep === true ? ' (asleep)' : ''}`).join(',')}`,
  )
  return `
Forebay is ready after ${seconds.toFixed(1)} s.

  proxy       ${proxy}
  control     ${processUrl(layout, 'control')}
  router      ${processUrl(layout, 'router')}
${kafka.join('\n')}
  data, logs  ${layout.directory}

Try:  curl -H 'content-type: application/json' -d '{"hello":"world"}' ${proxy}/v1/topics/sample.events/events

Kill a whole cluster and watch what happens:  forebay local kill fronting-a/1 (and /2, /3)

Ctrl-C stops everything.`
}
