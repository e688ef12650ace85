/**
 * What we use of kafkajs: its encoders and decoders, not its clients (see broker-connection.ts for why). kafkajs has no types for them.
 * Versions are those that Kafka 3.1 to 4.x take. An answer is what the broker said, error codes and all.
 */
declare module 'kafkajs/src/protocol/requests/index.js' {
  export interface Exchange<Answer> {
    readonly request: { readonly apiKey: number; readonly apiVersion: number; readonly apiName: string }
    readonly response: { decode(payload: Buffer): Promise<Answer> }
  }

  export interface MetadataAnswer {
    readonly brokers: readonly { readonly nodeId: number; readonly host: string; readonly port: number }[]
    readonly topicMetadata: readonly TopicMetadata[]
  }

  export interface TopicMetadata {
    readonly topicErrorCode: number
    readonly topic: string
    readonly partitionMetadata: readonly PartitionMetadata[]
  }

  export interface PartitionMetadata {
    readonly partitionErrorCode: number
    readonly partitionId: number
    readonly leader: number
    readonly replicas: readonly number[]
    readonly isr: readonly number[]
  }

  export interface ProduceAnswer {
    readonly topics: readonly {
      readonly partitions: readonly {
        readonly partition: number
        readonly errorCode: number
        readonly baseOffset: string
      }[]
    }[]
  }

  export interface FetchAnswer {
    readonly errorCode: number
    readonly responses: readonly {
      readonly partitions: readonly {
        readonly errorCode: number
        readonly messages: readonly { readonly offset: string; readonly value: Buffer | null }[]
      }[]
    }[]
  }

  export interface TopicErrors {
    readonly topicErrors: readonly {
      readonly topic: string
      readonly errorCode: number
      readonly errorMessage: string | null
    }[]
  }

  export interface ListOffsetsAnswer {
    readonly responses: readonly {
      readonly topic: string
      readonly partitions: readonly {
        readonly partition: number
        readonly errorCode: number
        readonly offset: string
      }[]
    }[]
  }

  export interface OffsetFetchAnswer {
    readonly errorCode: number
    readonly responses: readonly {
      readonly topic: string
      readonly partitions: readonly {
        readonly partition: number
        readonly offset: string
        readonly errorCode: number
      }[]
    }[]
  }

  export interface CoordinatorAnswer {
    readonly errorCode: number
    readonly coordinator: { readonly nodeId: number }
  }

  interface Definition<Version extends number, Options, Answer> {
    protocol(wanted: { readonly version: Version }): (options: Options) => Exchange<Answer>
  }

  interface TopicPartitions<Partition> {
    readonly topic: string
    readonly partitions: readonly Partition[]
  }

  export const requests: {
    readonly Metadata: Definition<
      6,
      { readonly topics: readonly string[]; readonly allowAutoTopicCreation: boolean },
      MetadataAnswer
    >
    readonly Produce: Definition<
      7,
      {
        readonly acks: 1
        readonly timeout: number
        readonly topicData: readonly TopicPartitions<{
          readonly partition: number
          readonly messages: readonly { readonly value: Buffer }[]
        }>[]
      },
      ProduceAnswer
    >
    readonly Fetch: Definition<
      11,
      {
        readonly replicaId: -1
        readonly maxWaitTime: number
        readonly minBytes: number
        readonly maxBytes: number
        readonly topics: readonly TopicPartitions<{
          readonly partition: number
          readonly fetchOffset: number
          readonly maxBytes: number
        }>[]
      },
      FetchAnswer
    >
    readonly ListOffsets: Definition<
      3,
      {
        readonly replicaId: -1
        readonly isolationLevel: 0
        readonly topics: readonly TopicPartitions<{ readonly partition: number; readonly timestamp: -1 }>[]
      },
      ListOffsetsAnswer
    >
    readonly OffsetFetch: Definition<
      4,
      {
        readonly groupId: string
        readonly topics: readonly TopicPartitions<{ readonly partition: number }>[]
      },
      OffsetFetchAnswer
    >
    readonly GroupCoordinator: Definition<
      2,
      { readonly groupId: string; readonly coordinatorType: 0 },
      CoordinatorAnswer
    >
    readonly CreateTopics: Definition<
      3,
      {
        readonly timeout: number
        readonly topics: readonly {
          readonly topic: string
          readonly replicaAssignment: readonly {
            readonly partition: number
            readonly replicas: readonly number[]
          }[]
          readonly configEntries: readonly { readonly name: string; readonly value: string }[]
        }[]
      },
      TopicErrors
    >
    readonly CreatePartitions: Definition<
      1,
      {
        readonly timeout: number
        readonly topicPartitions: readonly {
          readonly topic: string
          /** Partitions afterwards. */
          readonly count: number
          readonly assignments: readonly (readonly number[])[]
        }[]
      },
      TopicErrors
    >
  }
}

declare module 'kafkajs/src/protocol/request.js' {
  import type { Exchange } from 'kafkajs/src/protocol/requests/index.js'

  /** The whole frame, length first. */
  export default function createRequest(options: {
    readonly correlationId: number
    readonly clientId: string
    readonly request: Exchange<unknown>['request']
  }): Promise<{ readonly buffer: Buffer }>
}
