import { randomBytes } from 'node:crypto'
import type { Admin } from 'kafkajs'
import { TopicAdmin } from '../admin/topic-admin.js'
import { brokerErrorType } from '../client/cluster-link.js'
import type { ConsumedRecord } from '../consumer/consumed-record.js'
import type { ConsumerHooks, DecoupledConsumerOptions } from '../consumer/consumer-options.js'
import { DecoupledConsumer } from '../consumer/decoupled-consumer.js'
import type { BatchHandler } from '../consumer/patient-handler.js'
import { KafkaConnection } from '../kafka-connection.js'
import type { KafkaLog } from '../kafka-settings.js'
import { BatchingProducer, type BatchingProducerOptions } from '../producer/batching-producer.js'
import { TopicTail } from '../tail/topic-tail.js'
import { eventually } from './eventually.testing.js'

const silent: KafkaLog = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
}

/** The broker as a test uses it; what was opened is closed with it. */
export class TestKafka {
  readonly connection: KafkaConnection
  readonly admin: TopicAdmin
  private readonly opened: (() => Promise<void>)[] = []

  constructor(
    brokers: string,
    readonly log = silent,
  ) {
    this.connection = new KafkaConnection({ brokers: brokers.split(','), clientId: 'test' }, log)
    this.admin = new TopicAdmin(this.connection)
  }

  /** A new topic with a name of its own. */
  async topic(partitions = 1, config: Record<string, string> = {}): Promise<string> {
    const name = `test-${randomBytes(6).toString('hex')}`
    await this.admin.ensureTopics([{ name, partitions, replicationFactor: 1, config }])
    return name
  }

  producer(options: Partial<BatchingProducerOptions> = {}, connection = this.connection): BatchingProducer {
    const producer = new BatchingProducer(connection, { idempotent: true, ...options })
    this.opened.push(() => producer.close(500))
    return producer
  }

  consumer(
    options: Partial<DecoupledConsumerOptions> & { topics: string[] },
    onBatch: BatchHandler,
    hooks: Partial<ConsumerHooks> = {},
  ): DecoupledConsumer {
    const defaults = {
      groupId: `group-${randomBytes(6).toString('hex')}`,
      assignment: 'together',
      trackBeyondMark: true,
    } as const
    const failure = (error: Error) => this.log.error({ error: String(error) }, 'fatal')
    const consumer = new DecoupledConsumer(this.connection, { ...defaults, ...options }, onBatch, {
      onFatal: failure,
      ...hooks,
    })
    this.opened.push(() => consumer.close(2_000))
    return consumer
  }

  tail(topic: string, onRecord: (record: ConsumedRecord) => void): TopicTail {
    const tail = new TopicTail(this.connection, topic, onRecord, this.log)
    this.opened.push(() => tail.close())
    return tail
  }

  /** Everything that is in the topic now, by partition and offset. */
  async recordsIn(topic: string): Promise<ConsumedRecord[]> {
    const bounds = await this.admin.endOffsets(topic)
    const records: ConsumedRecord[] = []
    const missing = () => bounds.some(({ partition, first, end }) => end > first && !reached(partition, end))
    const reached = (partition: number, end: number) =>
      records.some((record) => record.partition === partition && record.offset >= end - 1)
    const consumer = this.consumer({ topics: [topic] }, (batch) => {
      records.push(...batch.records)
      batch.completeAll()
    })
    await consumer.start()
    await eventually(`all records of ${topic}`, () => !missing())
    await consumer.close()
    return records.sort((a, b) => a.partition - b.partition || a.offset - b.offset)
  }

  /** The group's committed offset of the partition; undefined for none, or no group yet. */
  async committed(groupId: string, topic: string, partition = 0): Promise<number | undefined> {
    try {
      const offsets = await this.admin.committed(groupId, [topic])
      return offsets.find((one) => one.partition === partition)?.offset
    } catch (error) {
      if (brokerErrorType(error)) return undefined
      throw error
    }
  }

  /** As retention does it. */
  async deleteRecordsBefore(topic: string, partition: number, offset: number): Promise<void> {
    await this.asAdmin(async (admin) => {
      // kafkajs looks for the topic's leaders only in what it has loaded before.
      await admin.fetchTopicOffsets(topic)
      await admin.deleteTopicRecords({ topic, partitions: [{ partition, offset: String(offset) }] })
    })
  }

  /** Sets the committed offset of a group that has no members. */
  async commitAs(groupId: string, topic: string, offset: number): Promise<void> {
    const link = this.connection.link(10_000)
    const partitions = [{ partition: 0, offset: String(offset), metadata: '' }]
    await eventually('the coordinator takes the offset', () =>
      link
        .run([topic], async (cluster) => {
          const coordinator = await cluster.findGroupCoordinator({ groupId })
          await coordinator.offsetCommit({
            groupId,
            memberId: '',
            groupGenerationId: -1,
            topics: [{ topic, partitions }],
          })
        })
        .then(
          () => true,
          () => false,
        ),
    )
    link.close()
  }

  /** As the broker does with a member that it has not heard of for too long. */
  async expelMembers(groupId: string): Promise<void> {
    const { groups } = await this.asAdmin((admin) => admin.describeGroups([groupId]))
    const link = this.connection.link(10_000)
    await link.run([], async (cluster) => {
      const coordinator = await cluster.findGroupCoordinator({ groupId })
      for (const { memberId } of groups[0]!.members) await coordinator.leaveGroup({ groupId, memberId })
    })
    link.close()
  }

  async close(): Promise<void> {
    await Promise.all(this.opened.map((close) => close()))
    await this.admin.close()
  }

  /** For what `TopicAdmin` has no need of. */
  private async asAdmin<T>(work: (admin: Admin) => Promise<T>): Promise<T> {
    const { kafka, end } = this.connection.client(10_000)
    const admin = kafka.admin()
    await admin.connect()
    const answer = await work(admin)
    await admin.disconnect()
    end()
    return answer
  }
}
