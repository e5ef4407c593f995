import type { KafkaConnection } from '#kafka'
import type { Broker, Cluster } from '../../../../libs/kafka/src/client/kafkajs.js'
import { within } from '../../../../libs/kafka/src/client/within.js'
import type { Chance } from './chance.testing.js'
import { never, passed } from './pretend-clock.testing.js'
import { PretendConsumer } from './pretend-consumer.testing.js'
import type { PretendGroup } from './pretend-group.testing.js'
import { PARTITIONS, type PretendLog } from './pretend-log.testing.js'

export const silent = { info() {}, warn() {}, error() {}, debug() {} }

/** One process's way to the brokers. `consumer` is there once the consumer was made that it is given to. */
export class PretendConnection {
  readonly log = silent
  consumer: PretendConsumer | undefined
  #isCutOff = false

  constructor(
    private readonly records: PretendLog,
    private readonly group: PretendGroup,
    private readonly chance: Chance,
  ) {}

  client() {
    const consumer = (options: ConstructorParameters<typeof PretendConsumer>[3]) =>
      (this.consumer = new PretendConsumer(this.records, this.group, this.chance, options, this.#cluster()))
    return { kafka: { consumer }, end() {} }
  }

  link(requestTimeoutMs: number) {
    const cluster = this.#cluster()
    return {
      run: <T>(_topics: string[], work: (cluster: Cluster) => Promise<T>) =>
        within(requestTimeoutMs, 'a request', work(cluster)),
      renew() {},
      close() {},
    }
  }

  /** No request reaches a broker any more, and no answer comes. */
  cutOff(): void {
    this.#isCutOff = true
    this.consumer?.cutOff()
  }

  asKafkaConnection(): KafkaConnection {
    return this as unknown as KafkaConnection
  }

  #cluster(): Cluster {
    const cluster: Partial<Cluster> = {
      addMultipleTargetTopics: () => Promise.resolve(),
      refreshMetadata: () => Promise.resolve(),
      findTopicPartitionMetadata: () => PARTITIONS.map((partitionId) => ({ partitionId, leader: 1 })),
      findGroupCoordinator: () => Promise.resolve(this.#coordinator() as Broker),
      fetchTopicsOffset: async (list) => {
        await this.#trip()
        return list.map(({ topic, partitions, fromBeginning }) => ({
          topic,
          partitions: partitions.map(({ partition }) => ({
            partition,
            offset: String(fromBeginning ? 0 : this.records.end(topic, partition)),
          })),
        }))
      },
    }
    return cluster as Cluster
  }

  #coordinator(): Partial<Broker> {
    return {
      isConnected: () => true,
      offsetCommit: async (request) => {
        await this.#trip()
        this.group.commit(request)
        await this.#trip()
      },
      offsetFetch: async ({ topics }) => {
        await this.#trip()
        const none = { offset: '-1', metadata: null }
        return {
          responses: topics.map(({ topic, partitions }) => ({
            topic,
            partitions: partitions.map(({ partition }) => ({
              partition,
              ...(this.records.committed.get(`${topic}/${partition}`) ?? none),
            })),
          })),
        }
      },
    }
  }

  /** To the broker or back. */
  async #trip(): Promise<void> {
    await passed(this.chance.from(1, 20))
    if (this.#isCutOff) await never()
  }
}
