import { Injectable } from '@nestjs/common'
import { CHAIN_BEGINNING, type Delivery, type EventType, deliveryIdFor, newId } from '#domain'
import { BatchingProducer, ProduceFailed } from '#kafka'
import { type WebhookRow, WebhookStore } from '#postgres'
import { TopicMap, encodeDelivery } from '#topics'
import { Problem } from '../http/problem.js'
import { sampleBody } from './sample-body.js'

/** A sample event for one webhook, past fan-out: it is no event of the account, and its answer is shown, not chased. */
@Injectable()
export class TestSend {
  constructor(
    private readonly webhooks: WebhookStore,
    private readonly producer: BatchingProducer,
    private readonly topics: TopicMap,
  ) {}

  /**
   * @param type any there is; by default the first that the webhook is subscribed to
   * @returns null when the account has no such webhook
   * @throws {Problem} 503 when the log did not take it in time
   */
  async send(
    accountId: string,
    webhookId: string,
    type: EventType | undefined,
    traceparent: string | undefined,
  ): Promise<Delivery | null> {
    const webhook = await this.webhooks.find(accountId, webhookId)
    if (!webhook) return null
    const delivery = testDelivery(webhook, type ?? webhook.events[0]!, traceparent, new Date())
    try {
      await this.producer.send([encodeDelivery(this.topics.deliveries, delivery)])
    } catch (error) {
      if (!(error instanceof ProduceFailed)) throw error
      throw new Problem(503, 'Service Unavailable', NOT_SENT, { headers: { 'retry-after': '1' } })
    }
    return delivery
  }
}

const NOT_SENT = 'The test could not be handed on in time: ask again in a moment. It may arrive all the same.'

function testDelivery(webhook: WebhookRow, type: EventType, traceparent: string | undefined, now: Date): Delivery {
  const eventId = newId('evt')
  return {
    id: deliveryIdFor(eventId, webhook.id),
    eventId,
    eventType: type,
    accountId: webhook.accountId,
    webhookId: webhook.id,
    webhookVersion: webhook.version,
    trigger: 'test',
    chain: 0,
    acceptedAt: now.getTime(),
    ...CHAIN_BEGINNING,
    body: Buffer.from(sampleBody(type, eventId, now)),
    ...(traceparent !== undefined && { traceparent }),
  }
}
