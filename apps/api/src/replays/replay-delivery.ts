import { CHAIN_BEGINNING, type Delivery, deliveryIdFor } from '#domain'
import type { PlannedDelivery, ReplayRow } from '#postgres'

/** What a planned delivery becomes: the first attempt of a chain, as fan-out or a redelivery would begin it. */
export function replayDelivery(
  { accountId, webhookId }: Pick<ReplayRow, 'accountId' | 'webhookId'>,
  { eventId, eventType, acceptedAt, chain }: PlannedDelivery,
  body: string,
  webhookVersion: number,
): Delivery {
  return {
    id: deliveryIdFor(eventId, webhookId),
    eventId,
    eventType,
    accountId,
    webhookId,
    webhookVersion,
    trigger: 'replay',
    chain,
    acceptedAt,
    ...CHAIN_BEGINNING,
    body: Buffer.from(body),
  }
}
