import { type MetadataAnswer, requests } from 'kafkajs/src/protocol/requests/index.js'
import type { Clock } from '../../core/clock.ts'
import type { WatchedBroker } from '../failover/evidence.ts'
import { BrokerCanary } from './broker-canary.ts'
import { type BrokerAddress, NoAnswerError } from './broker-connection.ts'
import { BrokerLink } from './broker-link.ts'
import { canaryTopic } from './canary-topic.ts'

export interface BrokerWatchOptions {
  readonly id: number
  readonly address: BrokerAddress
  readonly watch: string
  readonly clock: Clock
  readonly onTrouble: (error: unknown) => void
}

/**
 * For everything that is asked once a second: a little less than the second, so that what began at one tick of the loop is decided at
 * the next although timers are not exact.
 */
export const secondLimitMs = 950

const metadataExchange = requests.Metadata.protocol({ version: 6 })

/** What is watched of one broker. Each purpose has a connection of its own: a log that hangs must not look like a broker that hangs. */
export class BrokerWatch {
  readonly id: number
  readonly address: BrokerAddress
  /** For what is asked of one broker on behalf of the cluster. */
  readonly survey: BrokerLink
  /** The last verdict; `undefined` until there is one. */
  answer: WatchedBroker['answer'] | undefined
  readonly #alive: BrokerLink
  readonly #canary: BrokerCanary
  readonly #onTrouble: (error: unknown) => void
  #asking = false
  #named: string | undefined

  constructor({ id, address, watch, clock, onTrouble }: BrokerWatchOptions) {
    this.id = id
    this.address = address
    this.survey = new BrokerLink(address)
    this.#alive = new BrokerLink(address)
    this.#canary = new BrokerCanary({ address, watch, clock, onTrouble })
    this.#onTrouble = onTrouble
  }

  /** One small request: who the brokers are, and where the canary is. Never rejects; `undefined` when there was no answer. */
  async ask(): Promise<MetadataAnswer | undefined> {
    if (this.#asking) return undefined
    this.#asking = true
    try {
      const exchange = metadataExchange({ topics: [canaryTopic], allowAutoTopicCreation: false })
      const answer = await this.#alive.ask(exchange, secondLimitMs)
      this.answer = 'answered'
      return answer
    } catch (error) {
      // A link is closed only by us, together with this watch.
      const kind = error instanceof NoAnswerError ? error.kind : 'unreadable'
      if (kind === 'closed') return undefined
      this.answer = kind === 'refused' ? 'refused' : 'silent'
      this.#onTrouble(error)
      return undefined
    } finally {
      this.#asking = false
    }
  }

  /** Whether its metadata name other brokers than the last time: those of one broker change only when it learns something. */
  namesOthers({ brokers }: MetadataAnswer): boolean {
    const before = this.#named
    this.#named = brokers
      .map(({ nodeId }) => nodeId)
      .sort((a, b) => a - b)
      .join()
    return before !== undefined && before !== this.#named
  }

  /** Never rejects. */
  canaryRound(partition: number): Promise<void> {
    return this.#canary.round(partition, secondLimitMs)
  }

  /** Of the second that ended; `undefined` before the first verdict. */
  take(): WatchedBroker | undefined {
    const canary = this.#canary.take()
    return this.answer === undefined ? undefined : { id: this.id, answer: this.answer, canary }
  }

  close(): void {
    this.#alive.close()
    this.#canary.close()
    this.survey.close()
  }
}
