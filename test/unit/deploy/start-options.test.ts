import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { parseStartOptions, StartUsageError, startHelp } from '../../../deploy/local/start-options.ts'

describe('the options of forebay start', () => {
  test('have defaults', () => {
    assert.deepEqual(parseStartOptions([], '/home/user'), {
      directory: '/home/user/.forebay',
      fresh: false,
      portBase: undefined,
      sinks: ['kafka', 'file'],
      help: false,
    })
  })

  test('are all read', () => {
    const argv = ['--data', '/tmp/x', '--fresh', '--port-base=21000', '--sinks', 'file, file']
    assert.deepEqual(parseStartOptions(argv, '/home/user'), {
      directory: '/tmp/x',
      fresh: true,
      portBase: 21_000,
      sinks: ['file'],
      help: false,
    })
  })

  const refusals: [string[], RegExp][] = [
    [['--sinks', 's3'], /the sink "s3" is not built yet; there are kafka, file/],
    [['--sinks', 'kafka,opensearch'], /"opensearch" is not built yet/],
    [['--sinks', 'kafak'], /unknown sink "kafak": did you mean "kafka"\?/],
    [['--sinks', ','], /at least one/],
    [['--port-bas', '1'], /unknown option "--port-bas": did you mean "--port-base"\?/],
    [['--port-base', '80'], /"80" is not a port from 1024/],
    [['--port-base', '65437'], /65437/],
    [['--port-base', '2e4'], /"2e4"/],
    [['--data'], /--data/],
    [['extra'], /extra/],
  ]
  for (const [argv, sentence] of refusals) {
    test(`refuses ${argv.join(' ')} in a sentence that says where help is`, () => {
      assert.throws(
        () => parseStartOptions(argv, '/home/user'),
        (error: Error) =>
          error instanceof StartUsageError &&
          sentence.test(error.message) &&
          /See: forebay start --help$/.test(error.message),
      )
    })
  }

  test('each is in the help, with examples', () => {
    for (const flag of ['--data', '--fresh', '--port-base', '--sinks', '--help', 'Examples:']) {
      assert.ok(startHelp.includes(flag), flag)
    }
  })
})
