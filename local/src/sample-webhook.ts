import type { ApiClient } from './api-client.js'
import type { LocalState } from './state-file.js'

export type SampleWebhook = NonNullable<LocalState['sample_webhook']>

export const sampleEvents = ['created', 'updated', 'deleted', 'published', 'unpublished'].map((it) => `context.${it}`)

/**
 * The sample receiver's webhook: the one of an earlier start, corrected where it differs, or a new one.
 *
 * @throws Error with the API's words, for example when loopback is not among the allowed addresses
 */
export async function ensureSampleWebhook(
  api: ApiClient,
  key: string,
  url: string,
  kept: SampleWebhook | undefined,
): Promise<SampleWebhook> {
  if (kept) {
    const path = `/v1/webhooks/${kept.id}`
    const { status, body } = await api.request('GET', path, key)
    if (status === 200) {
      const right = body.url === url && body.is_active === true && sameEvents(body.events)
      if (!right) await api.expect('PATCH', path, key, { url, events: sampleEvents, is_active: true })
      return kept
    }
    if (status !== 404) throw new Error(`GET ${path} was answered ${status}: ${JSON.stringify(body)}`)
  }
  const made = await api.expect('POST', '/v1/webhooks', key, { name: 'Sample receiver', url, events: sampleEvents })
  return { id: String(made.id), secret: String(made.secret) }
}

/** Without a receiver its webhook would only fail: gone, also when somebody else has removed it. */
export async function removeSampleWebhook(api: ApiClient, key: string, kept: SampleWebhook): Promise<void> {
  const { status, body } = await api.request('DELETE', `/v1/webhooks/${kept.id}`, key)
  if (status !== 204 && status !== 404) {
    throw new Error(`the sample webhook could not be removed (${status}): ${JSON.stringify(body)}`)
  }
}

function sameEvents(events: unknown): boolean {
  return Array.isArray(events) && [...events].sort().join() === [...sampleEvents].sort().join()
}
