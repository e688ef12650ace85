import { protocolErrorsCodesById } from '@platformatic/kafka'

/** Kafka's error codes that mean something to an administrator (Kafka protocol guide, "Error Codes"). */
export const kafkaCodes = {
  corruptMessage: 2,
  unknownTopic: 3,
  leaderNotAvailable: 5,
  messageTooLarge: 10,
  unknownTopicId: 100,
} as const

/** The cluster answered, and refused. `kafkaError` is Kafka's own name of the error, e.g. `TOPIC_ALREADY_EXISTS`. */
export class KafkaRefusedError extends Error {
  override readonly name = 'KafkaRefusedError'
  readonly kafkaError: string

  constructor(what: string, code: number, detail?: string | null) {
    const kafkaError = kafkaErrorName(code)
    super(`${what}: ${kafkaError}${detail ? `: ${detail}` : ''}`)
    this.kafkaError = kafkaError
  }
}

export function kafkaErrorName(code: number): string {
  return protocolErrorsCodesById[code] ?? `error ${code}`
}

/** Throws `KafkaRefusedError` unless `code` is 0. */
export function refuse(what: string, code: number, detail?: string | null): void {
  if (code !== 0) throw new KafkaRefusedError(what, code, detail)
}

/** The error of one part of an answer; `undefined` = none. */
export function refusal(what: string, code: number, detail?: string | null): KafkaRefusedError | undefined {
  return code === 0 ? undefined : new KafkaRefusedError(what, code, detail)
}
