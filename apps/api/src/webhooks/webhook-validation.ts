import type { z } from 'zod'
import { type EgressPolicy, checkUrl } from '#egress'
import { invalidFields, problemFields } from '../http/invalid-request.js'

/**
 * A webhook's fields, by their schema and by the egress policy: whether the dispatcher would call the URL, as far as
 * that shows without asking the DNS.
 * @throws {Problem} 422 that names every wrong field at once
 */
export function validateWebhook<T>(schema: z.ZodType<T>, body: unknown, policy: EgressPolicy): T {
  const parsed = schema.safeParse(body)
  const errors = parsed.success ? [] : parsed.error.issues.flatMap((issue) => problemFields(issue))
  const url = urlOf(body)
  // One complaint about a URL is enough: the schema's comes first.
  if (url !== undefined && !errors.some(({ pointer }) => pointer === '/url')) {
    const checked = checkUrl(url, policy)
    if (!checked.ok) errors.push({ pointer: '/url', detail: checked.problem })
  }
  if (!parsed.success || errors.length > 0) throw invalidFields(errors)
  return parsed.data
}

function urlOf(body: unknown): string | undefined {
  const { url } = (body ?? {}) as { url?: unknown }
  return typeof url === 'string' ? url : undefined
}
