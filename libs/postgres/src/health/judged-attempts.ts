import { isOperational } from '#domain'
import type { AttemptedRow } from '../read-models/read-model-rows.js'
import type { JudgedAttempt } from './streak-record.js'

/**
 * What attempts say about the health of their webhooks; test sends say nothing. `isFresh` keeps a failure from being
 * counted twice; a success can be told any number of times.
 */
export function judgedByWebhook(
  attempts: Iterable<AttemptedRow>,
  isFresh: (attempt: AttemptedRow) => boolean,
): Map<string, JudgedAttempt[]> {
  const byWebhook = new Map<string, JudgedAttempt[]>()
  for (const attempt of attempts) {
    if (attempt.trigger === 'test' || (attempt.outcome !== 'succeeded' && !isFresh(attempt))) continue
    const judged = byWebhook.get(attempt.webhookId)
    if (judged) judged.push(judgedOf(attempt))
    else byWebhook.set(attempt.webhookId, [judgedOf(attempt)])
  }
  return byWebhook
}

function judgedOf({ startedAt, eventType, outcome, reason, response }: AttemptedRow): JudgedAttempt {
  const isOfContext = !isOperational(eventType)
  if (outcome === 'succeeded') return { startedAt, isOfContext, failure: null }
  return { startedAt, isOfContext, failure: { reason: reason ?? 'http_status', status: response?.status ?? null } }
}
