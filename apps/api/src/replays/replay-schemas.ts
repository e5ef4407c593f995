import { z } from 'zod'
import { eventTypes, replayChoices, replayStates } from '#domain'
import { ID_SHAPES } from '../deliveries/not-found.js'
import { pageQuery } from '../http/list.js'
import { timestamp } from '../http/timestamp-schema.js'

const MOST_PER_SECOND = 1_000

export const replayRequest = z
  .strictObject({
    since: timestamp().describe('Events accepted at this time or later.'),
    until: timestamp().optional().describe('Events accepted before this time; now, where it is left out or later.'),
    only: z
      .enum(replayChoices)
      .describe(
        'failed: deliveries that ended exhausted, expired or gone. missed: events that were not delivered because the ' +
          'webhook was not there, not subscribed or disabled. all: every event. What still waits is left alone.',
      ),
    types: z
      .array(z.enum(eventTypes))
      .min(1, { error: 'must name at least one event type' })
      .refine((types) => new Set(types).size === types.length, { error: 'names a type twice' })
      .meta({ uniqueItems: true })
      .optional()
      .describe('By default those that the webhook is subscribed to now.'),
    rate_per_second: z
      .int({ error: `must be a whole number from 1 to ${MOST_PER_SECOND}` })
      .min(1)
      .max(MOST_PER_SECOND)
      .default(100),
    dry_run: z.boolean().default(false).describe('Only count: nothing is sent.'),
  })
  .meta({ id: 'ReplayRequest' })

const matched = z.int().describe('Events that will be sent, as far as is known now; it is counted again at the start.')
const detail = z
  .string()
  .optional()
  .describe('A sentence where nothing matches, or where there are too many events to count all of them at once.')

export const replayAccepted = z.strictObject({ id: z.string(), matched, detail }).meta({ id: 'ReplayAccepted' })

export const replayCounted = z.strictObject({ matched, detail }).meta({ id: 'ReplayCount' })

export const replaysQuery = z.strictObject({
  ...pageQuery,
  webhook_id: z
    .string()
    .regex(ID_SHAPES.webhook, { error: 'must be a webhook id' })
    .optional()
    .describe('Also one that was deleted.'),
  state: z.enum(replayStates).optional(),
})

export const replayAnswer = z
  .strictObject({
    id: z.string(),
    webhook_id: z.string(),
    state: z
      .enum(replayStates)
      .describe('waiting: until everything accepted before the replay was asked for is recorded.'),
    detail: z.string().nullable().describe('Why it is in this state, where there is more to say.'),
    since: z.iso.datetime(),
    until: z.iso.datetime(),
    only: z.enum(replayChoices),
    types: z.array(z.enum(eventTypes)),
    rate_per_second: z.int(),
    matched: z.int().describe('Events to send, as counted when it was asked for and again when it started.'),
    sent: z.int().describe('Handed to the dispatcher so far. What became of each is in the list of deliveries.'),
    created_at: z.iso.datetime(),
    started_at: z.iso.datetime().nullable(),
    ended_at: z.iso.datetime().nullable(),
  })
  .meta({ id: 'Replay' })

export type ReplayRequest = z.infer<typeof replayRequest>
export type ReplaysQuery = z.infer<typeof replaysQuery>
export type ReplayAccepted = z.infer<typeof replayAccepted>
export type ReplayCounted = z.infer<typeof replayCounted>
export type ReplayAnswer = z.infer<typeof replayAnswer>
