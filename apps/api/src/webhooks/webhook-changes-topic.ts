import { Injectable } from '@nestjs/common'
import type { DeliverableWebhook, WebhookChange } from '#domain'
import { BatchingProducer, KafkaConnection } from '#kafka'
import { TopicMap, encodeWebhookChange } from '#topics'

/** Shorter than the 3 s in which a write is answered, so that a relay's pass ends, and frees its lock, before. Ms. */
const PUBLISH_DEADLINE_MS = 2_000

/**
 * The log of configuration. Its producer is a plain one: a compacted topic written by an idempotent producer can keep
 * a consumer from ever reaching its end. Repeats do no harm, every change carries its version.
 */
@Injectable()
export class WebhookChangesTopic {
  readonly #producer: BatchingProducer

  constructor(
    connection: KafkaConnection,
    private readonly topics: TopicMap,
  ) {
    this.#producer = new BatchingProducer(connection, { idempotent: false, deadlineMs: PUBLISH_DEADLINE_MS })
  }

  start(): Promise<void> {
    return this.#producer.start()
  }

  /** Resolves when all are acknowledged. @throws {ProduceFailed} */
  publish(changes: WebhookChange<DeliverableWebhook>[]): Promise<void> {
    return this.#producer.send(changes.map((change) => encodeWebhookChange(this.topics.webhookChanges, change)))
  }

  close(): Promise<void> {
    return this.#producer.close()
  }
}
