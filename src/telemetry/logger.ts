import { type Logger, pino } from 'pino'

export type { Logger } from 'pino'

/** JSON lines on stdout. Credentials never reach a log: their usual places are censored. */
export function createLogger(processName: string, level: string): Logger {
  return pino({
    level,
    base: { process: processName, pid: process.pid },
    timestamp: pino.stdTimeFunctions.isoTime,
    redact: { paths: ['headers.authorization', 'headers["forebay-key"]', 'token', '*.token'], censor: '***' },
  })
}
