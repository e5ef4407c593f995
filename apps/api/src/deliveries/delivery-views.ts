import { type AttemptOutcome, type FailureReason, sentenceFor } from '#domain'
import { type AttemptRow, type DeliveryState, type LoggedAttempt, statusOf } from '#postgres'
import type { DeliveryDetail, DeliverySummary } from './log-schemas.js'

export function deliverySummaryView(state: DeliveryState): DeliverySummary {
  const { end, next } = state
  return {
    id: state.id,
    event_id: state.eventId,
    type: state.eventType,
    webhook_id: state.webhookId,
    status: statusOf(state),
    trigger: state.trigger,
    accepted_at: iso(state.acceptedAt),
    ended_at: end && iso(end.at),
    attempts_made: state.attemptsMade,
    next: end ? null : { attempt: next.attempt, not_before: iso(next.notBefore) },
  }
}

/** Of one answer, which the process holds until its client has read it. A hundred attempts can be ten times as much. */
export const MOST_ATTEMPT_BYTES = 1_000_000
/** A whole chain, of however large an event: the first attempt and five retries, three megabytes at most. */
const ALWAYS_SHOWN = 6

/**
 * @param attempts oldest first; of them the newest are shown, until they are a megabyte, and six in any case
 * @param body the event's text, the same in every attempt; null where it is no longer kept
 */
export function deliveryDetailView(
  state: DeliveryState,
  attempts: LoggedAttempt[],
  body: string | null,
): DeliveryDetail {
  const bodyBytes = Buffer.byteLength(JSON.stringify(body))
  const shown = attempts.filter(({ newerBytes }, i) => {
    const newer = attempts.length - 1 - i
    return newer < ALWAYS_SHOWN || newerBytes + newer * bodyBytes < MOST_ATTEMPT_BYTES
  })
  return { ...deliverySummaryView(state), attempts: shown.map((attempt) => attemptView(attempt, body)) }
}

function attemptView(attempt: AttemptRow, body: string | null): DeliveryDetail['attempts'][number] {
  return {
    id: attempt.id,
    number: attempt.number,
    chain: attempt.chain,
    trigger: attempt.trigger,
    started_at: iso(attempt.startedAt),
    duration_ms: attempt.durationMs,
    outcome: attempt.outcome,
    reason: attempt.reason,
    message: sentenceFor(outcomeOf(attempt)),
    request: { ...attempt.request, body },
    response: attempt.response,
  }
}

function outcomeOf({ outcome, reason, response }: AttemptRow): AttemptOutcome {
  const status = response?.status ?? 0
  if (outcome === 'succeeded') return { kind: 'succeeded', status }
  if (outcome === 'refused') return { kind: 'refused', reason: 'gone', status }
  return { kind: 'failed', reason: reason as FailureReason, status }
}

function iso(ms: number): string {
  return new Date(ms).toISOString()
}
