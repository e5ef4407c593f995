import { setImmediate } from 'node:timers/promises'
import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common'
import type { ApiConfig } from '#config'
import { BatchingProducer, DecoupledConsumer, KafkaConnection, type RecordBatch } from '#kafka'
import { ReadModelWriter } from '#postgres'
import { LOGGER, type Logger, Registry, observeLag, endProcess } from '#telemetry'
import { TopicMap, encodeUndecodable } from '#topics'
import { FailingLog } from '../infrastructure/failing-log.js'
import { API_CONFIG } from '../infrastructure/injection-tokens.js'
import { BatchGatherer } from './batch-gatherer.js'
import { type Unreadable, emptyProjection, projectBatch } from './project-records.js'
import { ProjectorMetrics } from './projector-metrics.js'

/** A backlog is read in portions of this size, so that a round stays a matter of seconds and some ten MB. Bytes. */
const FETCH_BYTES = 4 * 1024 * 1024
/** Rounds are 250 ms apart, and every fetch wakes two processes: none is made for a few records that would wait. Ms. */
const FETCH_EVERY_MS = 100

/** Turns the log into the read models: accepted events and facts become rows, in rounds, at least once. */
@Injectable()
export class Projector implements OnApplicationBootstrap, OnApplicationShutdown {
  readonly consumer: DecoupledConsumer
  readonly groupId: string
  readonly #gatherer: BatchGatherer
  readonly #failing: FailingLog

  constructor(
    connection: KafkaConnection,
    private readonly topics: TopicMap,
    private readonly writer: ReadModelWriter,
    private readonly producer: BatchingProducer,
    private readonly metrics: ProjectorMetrics,
    registry: Registry,
    @Inject(API_CONFIG) config: Pick<ApiConfig, 'topics'>,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    this.#failing = new FailingLog(
      logger,
      'error',
      'read models cannot be written; trying again',
      'read models are written again',
    )
    this.groupId = `${config.topics.prefix}projector`
    this.#gatherer = new BatchGatherer(
      (batches) => this.#write(batches),
      (error) => this.#failed(error),
    )
    this.consumer = new DecoupledConsumer(
      connection,
      {
        groupId: this.groupId,
        topics: [topics.contextEvents, topics.deliveryLog],
        assignment: 'spread',
        waitsForTopics: true,
        trackBeyondMark: false,
        settings: { maxBytes: FETCH_BYTES, fetchEveryMs: FETCH_EVERY_MS },
      },
      (batch) => this.#gatherer.take(batch),
      {
        onFatal: endProcess,
      },
    )
    observeLag(registry, this.consumer)
  }

  /** Not awaited: the API serves also while Kafka or the topics are not there yet, and the consumer goes on trying. */
  onApplicationBootstrap(): void {
    void this.consumer.start()
  }

  async onApplicationShutdown(): Promise<void> {
    this.consumer.drain()
    await this.#gatherer.close()
    await this.consumer.close()
  }

  async #write(batches: readonly RecordBatch[]): Promise<void> {
    const startedAt = Date.now()
    const projection = emptyProjection()
    for (const batch of batches) {
      projectBatch(batch, this.topics, projection)
      // Between batches the event loop is somebody else's: a whole round at once would be late answers to producers.
      await setImmediate()
    }
    const written = await this.writer.write(projection.rows)
    await this.#reportUnreadable(projection.unreadable)
    const now = Date.now()
    this.metrics.written(written, projection.unreadable.length, oldestAt(batches), now)
    this.#failing.succeeded()
    this.logger.debug({ stage: 'project', batches: batches.length, ...written.rows, ms: now - startedAt }, 'projected')
  }

  /** Unreadable facts go to the dead letters; unreadable events do so from fan-out, which reads them as well. */
  async #reportUnreadable(unreadable: Unreadable[]): Promise<void> {
    for (const { record, problem } of unreadable) {
      const { topic, partition, offset } = record
      this.logger.error({ topic, partition, offset, problem }, 'undecodable record')
    }
    const deadLetters = unreadable
      .filter(({ record }) => record.topic === this.topics.deliveryLog)
      .map(({ record, problem }) => encodeUndecodable(this.topics.deadLetter, record, record, problem))
    await this.producer.send(deadLetters)
  }

  #failed(error: unknown): void {
    this.metrics.failed()
    this.#failing.failed(error)
  }
}

function oldestAt(batches: readonly RecordBatch[]): number {
  let oldest = Infinity
  for (const { records } of batches) for (const { timestamp } of records) oldest = Math.min(oldest, timestamp)
  return oldest
}
