import { CHAIN_BEGINNING, type Delivery, type RedeliveryRequested } from '#domain'
import type { ClaimedChain, DeliveryState, RequestedChain, WebhookRow } from '#postgres'
import { redeliveryRequested } from '../admin/dead-letter.js'

/** All that a redelivery's record will hold but the number of its chain, which is given when it is stored. */
type Content = Omit<Delivery, 'chain' | 'body'> & { requestedAt: number; body: string }

/** A delivery from its beginning, as it is stored until it is in the log. @param now ms since the epoch */
export function redeliveryContent(
  delivery: DeliveryState,
  webhook: Pick<WebhookRow, 'version'>,
  body: string,
  traceparent: string | undefined,
  now: number,
): string {
  const { id, eventId, eventType, accountId, webhookId, acceptedAt } = delivery
  const content: Content = {
    id,
    eventId,
    eventType,
    accountId,
    webhookId,
    webhookVersion: webhook.version,
    trigger: 'redelivery',
    acceptedAt,
    ...CHAIN_BEGINNING,
    requestedAt: now,
    body,
    ...(traceparent !== undefined && { traceparent }),
  }
  return JSON.stringify(content)
}

/** A delivery whose chain has its number already, as it is stored until it is in the log. @param now ms since the epoch */
export function requestedChainOf({ chain, body, ...rest }: Delivery, now: number): ClaimedChain {
  const content: Content = { ...rest, requestedAt: now, body: body.toString('utf8') }
  return { deliveryId: rest.id, chain, content: JSON.stringify(content), acceptedAt: rest.acceptedAt }
}

/** What a stored request becomes in the log, the same at every try. */
export function redeliveryFrom({ chain, content }: RequestedChain): { fact: RedeliveryRequested; delivery: Delivery } {
  const { requestedAt, body, ...rest } = JSON.parse(content) as Content
  const delivery: Delivery = { ...rest, chain, body: Buffer.from(body) }
  return { fact: redeliveryRequested(delivery, requestedAt), delivery }
}
