import { CHAIN_BEGINNING, type Delivery, deliveryIdFor, operationalEventTypes } from '#domain'
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

/** An event about a webhook never goes to that webhook, by no way. */
export function isAboutReceiver(eventType: string, body: string, webhookId: string): boolean {
  if (!(operationalEventTypes as string[]).includes(eventType)) return false
  const { data } = JSON.parse(body) as { data?: { webhook?: { id?: unknown } } }
  return data?.webhook?.id === webhookId
}
