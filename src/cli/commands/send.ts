import { randomBytes } from 'node:crypto'
import { createReadStream } from 'node:fs'
import type { Command } from 'commander'
import { segment } from '../client.ts'
import { examples, present } from '../context.ts'
import { findEndpoints, type GlobalOptions } from '../endpoints.ts'
import { type CommandFailure, SaidFailure, UsageError } from '../failure.ts'
import { durationOption, positiveNumber, sizeOption, wholeNumber } from '../options.ts'
import { grouped } from '../output.ts'
import { bodiesOfArguments, bodiesOfLines, generatedBodies, type RequestBody } from '../send/batches.ts'
import { runSend } from '../send/run.ts'
import type { Sender } from '../send/sender.ts'
import type { Terminal } from '../terminal.ts'

interface SendOptions extends GlobalOptions {
  readonly count?: number
  readonly rate?: number
  readonly size: number
  readonly file?: string
  readonly batch: number
  readonly connections: number
  readonly key?: string
  readonly contentType?: string
  readonly giveUp: number
}

/** `forebay send TOPIC` */
export function addSendCommand(program: Command, terminal: Terminal): void {
  program
    .command('send')
    .argument('<topic>')
    .argument('[events...]', 'the events; without them NDJSON is read from stdin')
    .description('Post events through the proxy, again and again until it has taken them')
    .option('--file <file>', 'read NDJSON from a file')
    .option('--count <n>', 'make up this many JSON events', wholeNumber)
    .option('--rate <per second>', 'with --count: no faster than this', positiveNumber)
    .option('--size <bytes>', 'with --count: size of an event', sizeOption, 300)
    .option('--batch <n>', 'events in one request', wholeNumber, 100)
    .option('--connections <n>', 'requests at the same time; more than 1 gives up the order', wholeNumber, 1)
    .option('--key <key>', 'the same record key for all')
    .option('--content-type <type>', 'send each argument as one opaque event of this media type')
    .option('--give-up <duration>', 'how long one request is tried', durationOption, 300_000)
    .addHelpText(
      'after',
      examples(
        'forebay send sample.events \'{"hello":"world"}\'',
        'cat events.ndjson | forebay send sample.events',
        'forebay send sample.orders --count 100000 --rate 5000 --size 300B',
        'forebay send sample.events --content-type text/plain "any bytes"',
      ),
    )
    .action((topic: string, events: readonly string[], _options: object, command: Command) =>
      send(terminal, topic, events, command.optsWithGlobals<SendOptions>()),
    )
}

async function send(
  terminal: Terminal,
  topic: string,
  events: readonly string[],
  options: SendOptions,
): Promise<void> {
  const bodies = bodiesOf(terminal, events, options)
  const { proxy, token } = findEndpoints(options, terminal)
  const query = options.key === undefined ? '' : `?key=${encodeURIComponent(options.key)}`
  const { sender, seconds } = await runSend(terminal, bodies, {
    url: `${proxy}/v1/topics/${segment(topic)}/events${query}`,
    proxy,
    token,
    giveUpMs: options.giveUp,
    connections: Math.max(1, options.connections),
    total: options.count ?? (events.length || undefined),
  })
  const { counts, rejections, fatal } = sender
  if (fatal !== undefined && options.json !== true) terminal.note(`forebay: ${failureText(fatal)}`)
  present({ terminal, json: options.json === true }, { ...counts, seconds, rejections }, () =>
    summary(sender, seconds),
  )
  if (counts.accepted !== counts.sent) throw new SaidFailure('not everything was accepted', { cause: fatal })
}

function failureText({ message, advice }: CommandFailure): string {
  return `${message}\n${advice === undefined ? '' : `${advice}\n`}`
}

function bodiesOf(
  terminal: Terminal,
  events: readonly string[],
  options: SendOptions,
): AsyncIterable<RequestBody> | Iterable<RequestBody> {
  const sources = [events.length > 0, options.file !== undefined, options.count !== undefined]
  if (sources.filter(Boolean).length > 1) {
    throw new UsageError('give the events as arguments, with --file, or with --count: only one of them')
  }
  if (options.batch < 1) throw new UsageError('--batch must be 1 or more')
  const limits = { maxEvents: options.batch, maxBytes: 4 * 2 ** 20 }
  if (events.length > 0) return bodiesOfArguments(events, limits, options.contentType)
  if (options.contentType !== undefined) throw new UsageError('--content-type goes with events as arguments')
  if (options.count !== undefined) {
    const runId = randomBytes(4).toString('hex')
    const generation = { count: options.count, ratePerSecond: options.rate, eventBytes: options.size }
    return generatedBodies({ ...generation, batchEvents: options.batch, runId }, terminal.interrupted)
  }
  if (options.file !== undefined && options.file !== '-') {
    return bodiesOfLines(fileChunks(options.file), limits, false)
  }
  return bodiesOfLines(terminal.stdin, limits, true)
}

async function* fileChunks(file: string): AsyncGenerator<Buffer> {
  try {
    yield* createReadStream(file, { highWaterMark: 2 ** 20 })
  } catch (error) {
    throw new UsageError(`cannot read ${file}: ${(error as Error).message}`, { cause: error })
  }
}

function summary({ counts, rejections }: Sender, seconds: number): string {
  const rate = seconds > 0 ? ` (${grouped(counts.accepted / seconds)}/s)` : ''
  const again = counts.maybeTwice === 0 ? '' : `, possibly twice ${grouped(counts.maybeTwice)}`
  const shown = rejections.slice(0, 3).map((rejection) => `  rejected: ${JSON.stringify(rejection)}\n`)
  return (
    `${shown.join('')}sent ${grouped(counts.sent)}, accepted ${grouped(counts.accepted)}, rejected ${grouped(counts.rejected)}, ` +
    `refused ${grouped(counts.refused)} (429, retried), failed ${grouped(counts.failed)}${again}, in ${seconds.toFixed(1)} s${rate}\n`
  )
}
