import { Inject, Injectable } from '@nestjs/common'
import { type DeliverableWebhook, WebhookView } from '#domain'
import { type ConsumedRecord, KafkaConnection, TopicTail } from '#kafka'
import { WebhookSnapshot, untilAvailable } from '#postgres'
import { type KeyRing, openSecret } from '#signing'
import { LOGGER, type Logger } from '#telemetry'
import { TopicMap, UndecodableRecord, decodeWebhookChange } from '#topics'

export const KEY_RING = Symbol('key ring')

/** Every webhook as the dispatcher sees it: a snapshot, then the changes since. The only place that opens secrets. */
@Injectable()
export class WebhooksToCall {
  readonly #view = new WebhookView<DeliverableWebhook>()
  /** Opened once per version of a webhook; forgotten with it. */
  readonly #secrets = new WeakMap<DeliverableWebhook, { secret: string; expiresAt: number | null }[]>()
  readonly #tail: TopicTail
  #onChange: (before: DeliverableWebhook | undefined, after: DeliverableWebhook) => void = () => {}
  #onDelete: (webhookId: string) => void = () => {}

  constructor(
    connection: KafkaConnection,
    topics: TopicMap,
    private readonly snapshot: WebhookSnapshot,
    @Inject(KEY_RING) private readonly keyRing: KeyRing,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    this.#tail = new TopicTail(connection, topics.webhookChanges, (record) => this.#applyRecord(record), logger)
  }

  /** Called after each change of a webhook that stays; `before` is undefined for a new one. */
  onChange(listener: (before: DeliverableWebhook | undefined, after: DeliverableWebhook) => void): void {
    this.#onChange = listener
  }

  onDelete(listener: (webhookId: string) => void): void {
    this.#onDelete = listener
  }

  async start(): Promise<void> {
    // The offset first: whatever changes while the snapshot is read is then seen again, and versions sort it out.
    const from = await this.#tail.endOffset()
    const webhooks = await untilAvailable(
      () => this.snapshot.deliverable(),
      (err) => this.logger.warn({ err }, 'webhooks cannot be read: starting when Postgres answers'),
    )
    for (const webhook of webhooks) this.#view.apply({ kind: 'changed', webhook })
    await this.#tail.start(from)
    this.logger.info({ webhooks: this.#view.size }, 'webhooks loaded')
  }

  get(webhookId: string): DeliverableWebhook | undefined {
    return this.#view.get(webhookId)
  }

  /** Resolves when the view holds every change that was in the log at the call. @throws when not within `timeoutMs` */
  caughtUp(timeoutMs: number): Promise<void> {
    return this.#tail.caughtUp(timeoutMs)
  }

  /** The secrets that are valid at `now` (ms since the epoch), newest first; at least one. */
  secretsOf(webhook: DeliverableWebhook, now: number): string[] {
    let opened = this.#secrets.get(webhook)
    if (!opened) {
      opened = webhook.secrets.map(({ sealed, expiresAt }) => ({
        secret: openSecret(this.keyRing, sealed, webhook.id),
        expiresAt,
      }))
      this.#secrets.set(webhook, opened)
    }
    return opened.filter(({ expiresAt }) => expiresAt === null || expiresAt > now).map(({ secret }) => secret)
  }

  #applyRecord(record: ConsumedRecord): void {
    try {
      const change = decodeWebhookChange(record)
      const before = change.kind === 'changed' ? this.#view.get(change.webhook.id) : undefined
      const isNews = this.#view.apply(change)
      if (!isNews) return
      if (change.kind === 'changed') this.#onChange(before, change.webhook)
      else this.#onDelete(change.webhookId)
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
