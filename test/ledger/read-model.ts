import type { ApiClient } from '../support/api-client.js'
import type { LedgerAttempt, LedgerDelivery } from './ledger.js'

interface ListedDelivery {
  id: string
  webhook_id: string
  event_id: string
  status: string
  attempts_made: number
}

interface DeliveryDetail {
  attempts: {
    id: string
    number: number
    started_at: string
    duration_ms: number
    outcome: string
    reason: string | null
    response: { status: number } | null
  }[]
}

interface Page<T> {
  data: T[]
  next_cursor: string | null
}

/** Requests at once: the run is over, but two cores are all there is. */
const AT_ONCE = 6

/** Every delivery that the API lists for the webhook; without their attempts. */
export async function listedDeliveries(owner: ApiClient, webhookId: string): Promise<LedgerDelivery[]> {
  const rows: LedgerDelivery[] = []
  for (let cursor: string | null = ''; cursor !== null;) {
    const query = `limit=100${cursor && `&cursor=${encodeURIComponent(cursor)}`}`
    const page: Page<ListedDelivery> = await owner.expect('GET', `/v1/webhooks/${webhookId}/deliveries?${query}`)
    for (const { id, webhook_id, event_id, status, attempts_made } of page.data) {
      rows.push({ id, webhookId: webhook_id, eventId: event_id, status, attemptsMade: attempts_made, attempts: null })
    }
    cursor = page.next_cursor
  }
  return rows
}

/** Whether the API still lists one as waiting. */
export async function hasWaiting(owner: ApiClient, webhookId: string): Promise<boolean> {
  const path = `/v1/webhooks/${webhookId}/deliveries?status=waiting&limit=1`
  return (await owner.expect<Page<ListedDelivery>>('GET', path)).data.length > 0
}

/** Reads the attempts of these deliveries into them. */
export async function readAttempts(owner: ApiClient, deliveries: LedgerDelivery[]): Promise<void> {
  const left = [...deliveries]
  const readers = Array.from({ length: AT_ONCE }, async () => {
    for (let delivery = left.pop(); delivery; delivery = left.pop()) {
      const { attempts } = await owner.expect<DeliveryDetail>('GET', `/v1/deliveries/${delivery.id}`)
      delivery.attempts = attempts.map(attemptFrom)
    }
  })
  await Promise.all(readers)
}

function attemptFrom(attempt: DeliveryDetail['attempts'][number]): LedgerAttempt {
  return {
    id: attempt.id,
    number: attempt.number,
    startedAt: Date.parse(attempt.started_at),
    durationMs: attempt.duration_ms,
    outcome: attempt.outcome,
    reason: attempt.reason,
    status: attempt.response?.status ?? null,
  }
}
