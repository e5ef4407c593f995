import { z } from 'zod'
import { MAX_URL_LENGTH, eventTypes } from '#domain'
import { textOfAtMost } from '../http/text-schema.js'
import { timestamp } from '../http/timestamp-schema.js'

const name = textOfAtMost(100).min(1, { error: 'must not be empty' })

/** What else a URL must be depends on the egress policy: `webhook-validation.ts`. */
const url = textOfAtMost(MAX_URL_LENGTH)
  .min(1, { error: 'must not be empty' })
  .describe('Absolute, https, without credentials or fragment, to a public host.')
  .meta({ format: 'uri', pattern: undefined })

const events = z
  .array(z.enum(eventTypes))
  .min(1, { error: 'must name at least one event type' })
  .check((payload) => {
    payload.value.forEach((type, index) => {
      if (payload.value.indexOf(type) === index) return
      payload.issues.push({
        code: 'custom',
        input: type,
        path: [index],
        message: `repeats "${type}"`,
      })
    })
  })
  .meta({ uniqueItems: true })

export const createWebhookRequest = z.strictObject({ name, url, events }).meta({ id: 'WebhookRequest' })

export type CreateWebhookRequest = z.infer<typeof createWebhookRequest>

export const updateWebhookRequest = z
  .strictObject({
    name: name.optional(),
    url: url.optional(),
    events: events.optional(),
    is_active: z.boolean().optional(),
  })
  .meta({ id: 'WebhookChange' })

export type UpdateWebhookRequest = z.infer<typeof updateWebhookRequest>

/** The guide's answer, field for field and in its order; the only one, beside rotation, that holds the secret. */
export const createdWebhook = z
  .strictObject({
    id: z.string(),
    name,
    url: z.string(),
    events: z.array(z.enum(eventTypes)),
    secret: z.string().describe('Shown once: keep it to verify signatures with.'),
    is_active: z.boolean(),
    created_at: timestamp(),
  })
  .meta({ id: 'CreatedWebhook' })

export const webhookAnswer = z
  .strictObject({
    id: z.string(),
    name,
    url: z.string(),
    events: z.array(z.enum(eventTypes)),
    is_active: z.boolean(),
    state: z.enum(['active', 'failing', 'disabled']),
    disabled_reason: z.enum(['owner', 'gone', 'failing']).nullable(),
    failing_since: timestamp().nullable(),
    created_at: timestamp(),
    updated_at: timestamp(),
  })
  .meta({ id: 'Webhook' })
