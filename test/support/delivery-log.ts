import { expect } from 'vitest'
import type { ApiClient } from './api-client.js'
import { eventually } from './eventually.js'

/** A delivery as its webhook's owner sees it. */
export interface LoggedDelivery {
  id: string
  event_id: string
  status: string
  trigger: string
  attempts: {
    number: number
    trigger: string
    outcome: string
    reason: string | null
    message: string
    started_at: string
    duration_ms: number
    request: { url: string }
    response: { status: number; headers: Record<string, string>; body: string } | null
  }[]
}

/** The deliveries of a webhook (at most 100), newest first, with their attempts. */
export async function loggedDeliveries(owner: ApiClient, webhookId: string): Promise<LoggedDelivery[]> {
  const deliveries: LoggedDelivery[] = []
  for (const { id } of await listed(owner, webhookId))
    deliveries.push(await owner.expect<LoggedDelivery>('GET', `/v1/deliveries/${id}`))
  return deliveries
}

/** The same, once there are that many at least and none of them waits for anything. */
export async function untilAllEnded(owner: ApiClient, webhookId: string, count: number): Promise<LoggedDelivery[]> {
  await eventually(async () => {
    const deliveries = await listed(owner, webhookId)
    expect(deliveries.length).toBeGreaterThanOrEqual(count)
    expect(deliveries.filter(({ status }) => status === 'waiting')).toEqual([])
  })
  return loggedDeliveries(owner, webhookId)
}

async function listed(owner: ApiClient, webhookId: string): Promise<{ id: string; status: string }[]> {
  const path = `/v1/webhooks/${webhookId}/deliveries?limit=100`
  return (await owner.expect<{ data: { id: string; status: string }[] }>('GET', path)).data
}
