import { Inject, Injectable } from '@nestjs/common'
import type { ApiConfig } from '#config'
import { ProduceFailed } from '#kafka'
import {
  DeliveryLog,
  type DeliveryState,
  EventLog,
  RedeliveryStore,
  type RequestedChain,
  type WebhookRow,
  WebhookStore,
} from '#postgres'
import { LOGGER, type Logger } from '#telemetry'
import { notFound } from '../deliveries/not-found.js'
import { Problem } from '../http/problem.js'
import { API_CONFIG } from '../infrastructure/injection-tokens.js'
import { RedeliveryLog } from './redelivery-log.js'
import { redeliveryContent } from './requested-redelivery.js'

/** Starts the next chain of a delivery because a person asked for it. */
@Injectable()
export class Redeliveries {
  constructor(
    private readonly deliveries: DeliveryLog,
    private readonly events: EventLog,
    private readonly webhooks: WebhookStore,
    private readonly store: RedeliveryStore,
    private readonly log: RedeliveryLog,
    @Inject(API_CONFIG) private readonly config: Pick<ApiConfig, 'topics'>,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /**
   * Resolves when the new chain's record is in the log.
   * @throws {Problem} 404, 409 with what to do about it, 503 when the log did not answer: it will be sent all the same
   */
  async request(accountId: string, id: string, traceparent: string | undefined) {
    const delivery = await this.deliveries.find(accountId, id)
    if (!delivery) throw notFound('delivery')
    if (delivery.trigger === 'test') throw new Problem(409, 'A test send', TEST_SEND)
    const webhook = callable(await this.webhooks.find(accountId, delivery.webhookId))
    const body = await this.#bodyOf(delivery)
    const content = redeliveryContent(delivery, webhook, body, traceparent, Date.now())
    const chain = await this.store.request(id, delivery.chain, content, delivery.acceptedAt)
    if (chain === null) throw new Problem(409, 'Redelivery under way', UNDER_WAY)
    await this.#send({ deliveryId: id, chain, content })
    return { delivery, chain }
  }

  async #bodyOf({ accountId, eventId, acceptedAt }: DeliveryState): Promise<string> {
    // Rows are kept by whole days: one that is still there does not make the event younger.
    if (acceptedAt <= Date.now() - this.config.topics.eventRetentionMs) {
      throw new Problem(409, 'Event no longer kept', NO_LONGER_KEPT)
    }
    const body = await this.events.body(accountId, eventId, acceptedAt)
    if (body !== null) return body
    // The log of deliveries can be ahead of that of events, for moments, or for minutes while both are rebuilt.
    throw new Problem(503, 'Service Unavailable', NOT_RECORDED_YET, { headers: { 'retry-after': '1' } })
  }

  async #send(chain: RequestedChain): Promise<void> {
    try {
      await this.log.write([chain])
    } catch (error) {
      if (!(error instanceof ProduceFailed)) throw error
      throw new Problem(503, 'Service Unavailable', STORED_NOT_SENT, { headers: { 'retry-after': '10' } })
    }
    try {
      await this.store.sent(chain)
    } catch (error) {
      // It is under way. The relay sends it once more, under the same number, which the dispatcher knows by then.
      this.logger.warn({ err: error, delivery_id: chain.deliveryId }, 'a redelivery that was sent could not be noted')
    }
  }
}

const TEST_SEND =
  'This delivery was a test send, which is not kept for sending again: make another with POST /v1/webhooks/{id}/test.'
const UNDER_WAY =
  'A redelivery of this delivery was asked for a moment ago and is on its way: look at the delivery, then ask again.'
const NOT_RECORDED_YET = 'The event of this delivery is not recorded yet: ask again in a moment.'
const NO_LONGER_KEPT =
  'The event is older than events are kept, so that there is nothing left to send: let its producer post it again.'
const STORED_NOT_SENT =
  'The redelivery is stored and will be made, but not yet: it could not be handed on in time. There is no need to ask again.'
const DELETED =
  'The webhook of this delivery was deleted and is not called any more: create a new one and replay the events to it.'

function callable(webhook: WebhookRow | null): WebhookRow {
  if (!webhook) throw new Problem(409, 'Webhook deleted', DELETED)
  if (webhook.state !== 'disabled') return webhook
  const how = `enable it with PATCH /v1/webhooks/${webhook.id} {"is_active": true}, then ask again.`
  throw new Problem(409, 'Webhook disabled', `The webhook of this delivery is disabled: ${how}`)
}
