import { z } from 'zod'
import { FAILURE_REASONS, deliveryStatuses, eventTypes } from '#domain'
import { pageQuery } from '../http/list.js'
import { timestamp } from '../http/timestamp-schema.js'

const since = timestamp().optional().describe('Accepted at this time or later.')

export const deliveriesQuery = z.strictObject({
  ...pageQuery,
  status: z.enum(deliveryStatuses).optional(),
  type: z.enum(eventTypes).optional(),
  event_id: z
    .string()
    .regex(/^[\w-]{1,100}$/, { error: 'must be an event id' })
    .optional(),
  since,
  until: timestamp().optional().describe('Accepted before this time.'),
})

export const eventsQuery = z.strictObject({ ...pageQuery, type: z.enum(eventTypes).optional(), since })

const trigger = z.enum(['automatic', 'test', 'redelivery', 'replay'])

const summary = {
  id: z.string(),
  event_id: z.string(),
  type: z.enum(eventTypes),
  webhook_id: z.string(),
  status: z.enum(deliveryStatuses),
  trigger: trigger.describe('Why the latest chain of attempts is made.'),
  accepted_at: z.iso.datetime().describe('When the event was accepted.'),
  ended_at: z.iso.datetime().nullable(),
  attempts_made: z.int().describe('Of the latest chain.'),
  next: z
    .strictObject({ attempt: z.int(), not_before: z.iso.datetime() })
    .nullable()
    .describe(
      'The next attempt and its earliest time, while the delivery waits. Longer ago: the receiver is busy or given a rest.',
    ),
}

/** A delivery in a list. */
export const deliverySummary = z.strictObject(summary).meta({ id: 'DeliverySummary' })

const headers = z.record(z.string(), z.string())

const attempt = z
  .strictObject({
    id: z.string(),
    number: z.int().describe('From 1; a redelivery begins at 1 again.'),
    chain: z.int().describe('0 for the automatic attempts; each redelivery starts the next.'),
    trigger,
    started_at: z.iso.datetime(),
    duration_ms: z.int(),
    outcome: z.enum(['succeeded', 'failed', 'refused']),
    reason: z
      .string()
      .nullable()
      .describe(`Why it failed: ${[...FAILURE_REASONS, 'gone'].join(', ')}. More may come.`),
    message: z.string().describe('The outcome in a sentence.'),
    request: z.strictObject({
      url: z.string(),
      headers: headers.describe('Our signatures are shortened.'),
      body: z
        .string()
        .nullable()
        .describe('What was sent (a test’s sample is made anew); null once the event is older than events are kept.'),
    }),
    response: z
      .strictObject({
        status: z.int(),
        headers: headers.describe('What looks like a cookie, token or key of yours is redacted.'),
        body: z.string().describe('Its first 4 KiB.'),
      })
      .nullable()
      .describe('Null where no answer came.'),
  })
  .meta({ id: 'Attempt' })

/** A delivery with its attempts. */
export const deliveryDetail = z
  .strictObject({
    ...summary,
    attempts: z
      .array(attempt)
      .describe(
        'Of all chains, the newest, in the order in which they were made: a hundred, or as many as make about a megabyte, but six at least.',
      ),
  })
  .meta({ id: 'Delivery' })

/** As delivered. Its data is what was delivered at the time, whatever a later version would say. */
const event = {
  id: z.string(),
  type: z.enum(eventTypes),
  created_at: z.string(),
  data: z.record(z.string(), z.unknown()),
}

export const eventSummary = z.strictObject(event).meta({ id: 'Event' })

export const eventDetail = z
  .strictObject({
    ...event,
    matches: z
      .array(
        z.strictObject({
          webhook_id: z.string(),
          delivery_id: z.string().nullable(),
          status: z.enum(deliveryStatuses).nullable(),
          reason: z
            .enum(['type_not_subscribed', 'disabled', 'about_itself', 'created_later'])
            .nullable()
            .describe('Why it was not delivered there.'),
        }),
      )
      .describe('Every webhook of the account: delivered to, or why not. Empty until that is decided.'),
  })
  .meta({ id: 'EventWithMatches' })

export type DeliveriesQuery = z.infer<typeof deliveriesQuery>
export type EventsQuery = z.infer<typeof eventsQuery>
export type DeliverySummary = z.infer<typeof deliverySummary>
export type DeliveryDetail = z.infer<typeof deliveryDetail>
export type EventSummary = z.infer<typeof eventSummary>
export type EventDetail = z.infer<typeof eventDetail>
export type EventMatch = EventDetail['matches'][number]
