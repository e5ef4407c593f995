import { z } from 'zod'
import { contextEventTypes, operationalEventTypes } from '#domain'
import { textOfAtMost } from '../http/text-schema.js'
import { timestamp } from '../http/timestamp-schema.js'

export const MAX_BATCH_EVENTS = 1_000
export const MAX_EVENT_BYTES = 256 * 1024
export const MAX_BATCH_BYTES = 8 * 1024 * 1024

export const eventType = z.enum(contextEventTypes)

export const context = z
  .strictObject({
    id: z.guid({ error: 'must be a UUID' }),
    name: textOfAtMost(4_096),
    slug: textOfAtMost(512),
    updated_at: timestamp(),
  })
  .meta({ id: 'Context' })

/** What a producer posts: one change of one context. */
export const eventRequest = z
  .strictObject({
    account_id: z.string().regex(/^acc_[A-Za-z0-9_-]{1,64}$/, { error: 'must be an account id, acc_…' }),
    type: eventType,
    context,
    id: z
      .string()
      .regex(/^evt_[A-Za-z0-9_-]{8,64}$/, { error: 'must be evt_ and 8 to 64 letters, digits, _ or -' })
      .optional(),
    created_at: timestamp().optional(),
  })
  .meta({ id: 'EventRequest' })

export type EventRequest = z.infer<typeof eventRequest>

export const eventAnswer = z
  .strictObject({ id: z.string(), type: eventType, created_at: timestamp() })
  .meta({ id: 'AcceptedEvent' })

export type EventAnswer = z.infer<typeof eventAnswer>

export const batchRequest = z
  .strictObject({ events: z.array(eventRequest).min(1).max(MAX_BATCH_EVENTS) })
  .meta({ id: 'EventBatchRequest' })

export const batchAnswer = z
  .strictObject({ data: z.array(z.strictObject({ id: z.string() })) })
  .meta({ id: 'AcceptedEventBatch' })

export type BatchAnswer = z.infer<typeof batchAnswer>

/** What a receiver gets, byte for byte the same at every attempt. */
export const deliveredEvent = z
  .strictObject({
    id: z.string(),
    type: eventType,
    created_at: timestamp(),
    data: z.strictObject({ context }),
  })
  .meta({ id: 'DeliveredEvent' })

const reportedWebhook = z
  .strictObject({
    id: z.string(),
    name: z.string(),
    url: z.string(),
    state: z.enum(['active', 'failing', 'disabled']).describe('After the change.'),
    reason: z.enum(['owner', 'gone', 'failing']).nullable().describe('Why it is disabled; null where it is not.'),
    failing_since: timestamp().nullable().describe('The first failure of the streak; null where none led to this.'),
  })
  .meta({ id: 'ReportedWebhook' })

/** What a receiver gets that asked to hear of the account's other webhooks. */
export const deliveredOperationalEvent = z
  .strictObject({
    id: z.string(),
    type: z.enum(operationalEventTypes),
    created_at: timestamp(),
    data: z.strictObject({ webhook: reportedWebhook }),
  })
  .meta({ id: 'DeliveredOperationalEvent' })
