import { randomUUID } from 'node:crypto'
import { expect } from 'vitest'
import type { ApiClient } from './api-client.js'
import { eventually } from './eventually.js'
import type { Pipeline } from './pipeline.js'
import type { Receiver } from './receiver.js'

/**
 * Until fan-out is done with all that the account has posted: a webhook that is made from now on has missed it. An
 * account's events are fanned out in their order, so that one more, to a webhook of its own, tells.
 */
export async function untilFannedOut(
  pipeline: Pipeline,
  receiver: Receiver,
  { id, client }: { id: string; client: ApiClient },
): Promise<void> {
  const path = `/fanned-out/${randomUUID()}`
  const webhook = await client.createWebhook(receiver.url(path), ['context.unpublished'])
  await pipeline.publish({ type: 'context.unpublished', accountId: id })
  await eventually(() => expect(receiver.at(path)).toHaveLength(1))
  await client.expect('DELETE', `/v1/webhooks/${webhook.id}`)
}
