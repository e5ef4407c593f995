import { z } from 'zod'
import { invalidFields, invalidRequest, problemFields } from '../http/invalid-request.js'
import type { ProblemField } from '../http/problem.js'
import { type EventRequest, MAX_BATCH_EVENTS, eventRequest } from './event-schemas.js'

// The number is judged before the contents: eight megabytes hold millions of wrong events, and none is looked at.
const envelope = z.strictObject({
  events: z
    .array(z.unknown())
    .min(1, { error: 'must hold at least one event' })
    .max(MAX_BATCH_EVENTS, { error: `must hold at most ${MAX_BATCH_EVENTS} events` }),
})

/**
 * All events of a batch, or none.
 * @throws {Problem} 422 that names each wrong field, such as `/events/17/type`
 */
export function validateBatch(body: unknown): EventRequest[] {
  const batch = envelope.safeParse(body)
  if (!batch.success) throw invalidRequest(batch.error.issues)
  const events: EventRequest[] = []
  // Per event: as arguments of one call a million unknown fields would be too many.
  const errors: ProblemField[][] = []
  batch.data.events.forEach((each, index) => {
    const event = eventRequest.safeParse(each)
    if (event.success) events.push(event.data)
    else errors.push(event.error.issues.flatMap((issue) => problemFields(issue, `/events/${index}`)))
  })
  if (errors.length > 0) throw invalidFields(errors.flat())
  return events
}
