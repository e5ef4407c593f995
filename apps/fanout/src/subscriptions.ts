import { Inject, Injectable } from '@nestjs/common'
import { type SubscribedWebhook, WebhookView } from '#domain'
import { type ConsumedRecord, KafkaConnection, TopicTail } from '#kafka'
import { WebhookSnapshot, untilAvailable } from '#postgres'
import { LOGGER, type Logger } from '#telemetry'
import { TopicMap, UndecodableRecord, decodeSubscriptionChange } from '#topics'

/** How long a batch waits for the view before it is tried again: the wait is repeated, never given up. */
const CATCH_UP_MS = 10_000

/** Every account's webhooks as fan-out sees them, without a secret: a snapshot, then the changes since. */
@Injectable()
export class Subscriptions {
  readonly #view = new WebhookView<SubscribedWebhook>()
  readonly #tail: TopicTail

  constructor(
    connection: KafkaConnection,
    topics: TopicMap,
    private readonly snapshot: WebhookSnapshot,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    this.#tail = new TopicTail(connection, topics.webhookChanges, (record) => this.#applyRecord(record), logger)
  }

  async start(): Promise<void> {
    // The offset first: whatever changes while the snapshot is read is then seen again, and versions sort it out.
    const from = await this.#tail.endOffset()
    const webhooks = await untilAvailable(
      () => this.snapshot.subscribed(),
      (err) => this.logger.warn({ err }, 'webhooks cannot be read: starting when Postgres answers'),
    )
    for (const webhook of webhooks) this.#view.apply({ kind: 'changed', webhook })
    await this.#tail.start(from)
    this.logger.info({ webhooks: this.#view.size }, 'subscriptions loaded')
  }

  /**
   * Resolves when the view holds every change that was in the log at the time of the call. A webhook whose creation
   * was answered before an event was accepted is then in it.
   */
  caughtUp(): Promise<void> {
    return this.#tail.caughtUp(CATCH_UP_MS)
  }

  ofAccount(accountId: string): Iterable<SubscribedWebhook> {
    return this.#view.ofAccount(accountId)
  }

  #applyRecord(record: ConsumedRecord): void {
    try {
      this.#view.apply(decodeSubscriptionChange(record))
    } catch (error) {
      if (!(error instanceof UndecodableRecord)) throw error
      // The tail must go on: Postgres holds the truth, and the next change or restart brings it.
      this.logger.error({ offset: record.offset, problem: error.message }, 'undecodable webhook change: left out')
    }
  }

  stop(): Promise<void> {
    return this.#tail.close()
  }
}
