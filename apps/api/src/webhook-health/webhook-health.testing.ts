import { type Attempted, newId } from '#domain'
import { aDeliveryRef, anAttempted } from '../../../../libs/domain/src/builders.testing.js'
import type { TestApi } from '../http/test-api.testing.js'

/** Of the account, and when it was made, ms since the epoch. */
export async function aWebhook(api: TestApi): Promise<{ id: string; createdAt: number }> {
  const body = { name: 'A', url: 'https://example.com/a', events: ['context.updated'] }
  const { body: created } = await api.ask('POST', '/v1/webhooks', { body })
  return { id: created.id, createdAt: Date.parse(created.created_at) }
}

/** The first of a delivery of its own. */
export function anAttempt(
  { keys: { accountId } }: TestApi,
  webhookId: string,
  startedAt: number,
  outcome: Attempted['outcome'],
): Attempted {
  const delivery = aDeliveryRef({ deliveryId: newId('dlv'), webhookId, accountId, acceptedAt: Date.now() })
  return anAttempted({ delivery, attemptId: newId('atm'), startedAt, outcome })
}
