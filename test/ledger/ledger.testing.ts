import { createHash, createHmac } from 'node:crypto'
import { deliveryIdFor } from '#domain'
import type { Answer, Ledger, LedgerAttempt, LedgerEvent, LedgerFault, LedgerRequest, LedgerWebhook } from './ledger.js'
import { isSuccess } from './ledger.js'

/** Where the story below takes place, ms. */
export const START = 1_700_000_000_000
export const DELAYS_MS = [1_000, 1_000, 2_000, 2_000, 3_000]
const SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`
const statuses: Partial<Record<Answer, number>> = { ok: 200, slow: 200, error: 500, gone: 410 }

export function aWebhook(path: string, overrides: Partial<LedgerWebhook> = {}): LedgerWebhook {
  return {
    id: `whk_${path.slice(1)}`,
    path,
    secret: SECRET,
    types: ['context.updated'],
    isGone: false,
    state: 'active',
    disabledReason: null,
    timesDisabled: 0,
    ...overrides,
  }
}

export function anEvent(id: string, overrides: Partial<LedgerEvent> = {}): LedgerEvent {
  const body = JSON.stringify({ id, type: 'context.updated' })
  return { id, type: 'context.updated', body, posts: [{ at: START, answer: 'accepted' }], ...overrides }
}

export function aRequest(
  webhook: LedgerWebhook,
  event: LedgerEvent,
  attempt: number,
  answer: Answer,
  at: number,
): LedgerRequest {
  const timestamp = String(Math.floor(at / 1_000))
  const key = Buffer.from(SECRET.slice('whsec_'.length), 'base64')
  const standard = createHmac('sha256', key).update(`${event.id}.${timestamp}.${event.body}`).digest('base64')
  return {
    path: webhook.path,
    eventId: event.id,
    deliveryId: deliveryIdFor(event.id, webhook.id),
    attempt,
    at,
    answer,
    isAnswered: statuses[answer] !== undefined,
    settledAt: at + 10,
    bodySha256: createHash('sha256').update(event.body).digest('hex'),
    signature: createHmac('sha256', webhook.secret).update(event.body).digest('hex'),
    timestamp,
    standardSignature: `v1,${standard}`,
  }
}

export function aFault(overrides: Partial<LedgerFault> = {}): LedgerFault {
  return {
    target: 'dispatcher',
    instance: 'dispatcher',
    kind: 'kill',
    at: START + 5_000,
    backAt: START + 8_000,
    proof: '4711 ended with SIGKILL and is gone',
    ...overrides,
  }
}

/** The attempt as the log tells it, of a request that began a millisecond before it arrived. */
export function anAttempt({ attempt, at, answer }: LedgerRequest): LedgerAttempt {
  return {
    id: `atm_${attempt}_${at}`,
    number: attempt,
    startedAt: at - 1,
    durationMs: 12,
    outcome: isSuccess(answer) ? 'succeeded' : answer === 'gone' ? 'refused' : 'failed',
    reason: isSuccess(answer) ? null : 'http_status',
    status: statuses[answer] ?? null,
  }
}

/**
 * A run in which nothing went wrong: one event delivered at once, one at the third attempt, one given up after six,
 * and one at a webhook that is gone.
 */
export function aSoundLedger(): Ledger {
  const [steady, failing] = [aWebhook('/steady'), aWebhook('/failing')]
  const gone = aWebhook('/gone', {
    types: ['context.deleted'],
    isGone: true,
    state: 'disabled',
    disabledReason: 'gone',
    timesDisabled: 1,
  })
  const [quick, hopeless] = [anEvent('evt_quick'), anEvent('evt_hopeless')]
  const deleted = anEvent('evt_deleted', { type: 'context.deleted' })
  const stories: [LedgerWebhook, LedgerEvent, Answer[], string][] = [
    [steady, quick, ['ok'], 'delivered'],
    [steady, hopeless, ['ok'], 'delivered'],
    [failing, quick, ['error', 'error', 'ok'], 'delivered'],
    [failing, hopeless, Array<Answer>(6).fill('error'), 'exhausted'],
    [gone, deleted, ['gone'], 'gone'],
  ]
  const ledger: Ledger = {
    webhooks: [steady, failing, gone],
    events: [quick, hopeless, deleted],
    requests: [],
    faults: [],
    deliveries: [],
    incidents: [],
  }
  for (const [webhook, event, answers, status] of stories) {
    const requests = answers.map((answer, i) => aRequest(webhook, event, i + 1, answer, START + 100 + whenDue(i)))
    ledger.requests.push(...requests)
    ledger.deliveries.push({
      id: deliveryIdFor(event.id, webhook.id),
      webhookId: webhook.id,
      eventId: event.id,
      status,
      attemptsMade: answers.length,
      attempts: requests.map(anAttempt),
    })
  }
  return ledger
}

function whenDue(retries: number): number {
  return DELAYS_MS.slice(0, retries).reduce((sum, delay) => sum + delay + 50, 0)
}
