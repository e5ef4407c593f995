import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common'
import { BatchingProducer } from '#kafka'
import { type Notification, OperationalEventStore } from '#postgres'
import { LOGGER, type Logger } from '#telemetry'
import { TopicMap, encodeContextEvent } from '#topics'
import { FailingLog } from '../infrastructure/failing-log.js'
import { RepeatingTask } from '../infrastructure/repeating-task.js'
import { notificationEvent } from './notification-event.js'
import { NotificationMetrics } from './notification-metrics.js'

/** What another replica left, and what could not be sent, is found this soon. Ms. */
const EVERY_MS = 5_000
/** Longer than the producer tries: until then nobody else sends the same. Ms. */
const LEASE_MS = 10_000
const MOST_AT_ONCE = 100

/**
 * Puts what became of webhooks among the account's events, from where it goes the way of every event. At least once
 * each and never given up: what Kafka did not take is due again when the lease is over. Every replica may.
 */
@Injectable()
export class OperationalEventSender implements OnApplicationBootstrap, OnApplicationShutdown {
  readonly #task = new RepeatingTask(
    () => this.#sendAll(),
    EVERY_MS,
    (error) => this.#failed(error),
  )
  readonly #failing: FailingLog
  #isStopping = false

  constructor(
    private readonly store: OperationalEventStore,
    private readonly producer: BatchingProducer,
    private readonly topics: TopicMap,
    private readonly metrics: NotificationMetrics,
    @Inject(LOGGER) private readonly logger: Pick<Logger, 'info' | 'warn' | 'error'>,
  ) {
    this.#failing = new FailingLog(
      logger,
      'error',
      'events about webhooks could not be sent; trying again',
      'events about webhooks are sent again',
    )
  }

  onApplicationBootstrap(): void {
    this.#task.start()
  }

  async onApplicationShutdown(): Promise<void> {
    this.#isStopping = true
    await this.#task.stop()
  }

  /** A notification was left a moment ago. */
  wake(): void {
    this.#task.wake()
  }

  async #sendAll(): Promise<void> {
    for (let isMore = true; isMore && !this.#isStopping;) {
      const notifications = await this.store.claim(LEASE_MS, MOST_AT_ONCE)
      if (notifications.length > 0) await this.#send(notifications)
      isMore = notifications.length === MOST_AT_ONCE
    }
    this.metrics.eventsPending(await this.store.pending())
    this.#failing.succeeded()
  }

  async #send(notifications: readonly Notification[]): Promise<void> {
    const events = notifications.map(notificationEvent)
    await this.producer.send(events.map((event) => encodeContextEvent(this.topics.contextEvents, event)))
    // When this fails they are sent again after the lease, under the same ids.
    await this.store.settle(notifications.map(({ id }) => id))
    for (const { id, accountId, type, aboutWebhookId: webhookId } of events) {
      this.metrics.eventSent(type)
      this.logger.info({ stage: 'notification.event', eventId: id, type, accountId, webhookId }, 'told as an event')
    }
  }

  #failed(error: unknown): void {
    this.metrics.eventsFailed()
    this.#failing.failed(error)
  }
}
