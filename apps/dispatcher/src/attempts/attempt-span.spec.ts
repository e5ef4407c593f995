import { expect, it } from 'vitest'
import { type AttemptOutcome, type NextStep, RetrySchedule, nextStep } from '#domain'
import { Tracing } from '#telemetry'
import { aDelivery } from '../../../../libs/domain/src/builders.testing.js'
import { aTracing } from '../../../../libs/telemetry/src/tracing.testing.js'
import type { AttemptReport } from './attempt-delivery.js'
import { traceAttempt } from './attempt-span.js'

const TRACE = '0af7651916cd43dd8448eb211c80319c'
const FAN_OUT = 'b7ad6b7169203331'
const traced = aDelivery({ traceparent: `00-${TRACE}-${FAN_OUT}-01` })
const delivered: NextStep = { kind: 'end', end: 'delivered' }

function aReport(changes: Partial<AttemptReport> = {}): AttemptReport {
  return {
    attemptId: 'atm_1',
    startedAt: 1_000,
    durationMs: 250,
    request: { url: 'https://user:word@example.com:8443/path-key?token=query-key', headers: { cookie: 'header-key' } },
    response: { status: 200, headers: { server: 'header-key' }, body: 'body-key' },
    result: { kind: 'succeeded', status: 200 },
    detail: 'detail-key',
    ...changes,
  }
}

function failed(outcome: AttemptOutcome, status?: number): AttemptReport {
  return aReport({ result: outcome, response: status === undefined ? null : { status, headers: {}, body: '' } })
}

it('tells of an attempt what it was of, and when, and what it came to, below the fan-out that it follows from', () => {
  const { tracing, spans } = aTracing()
  traceAttempt(tracing, traced, aReport(), delivered)
  const { eventId, eventType, accountId, webhookId, id } = traced
  expect(spans).toMatchObject([
    { name: 'delivery.attempt', kind: 'CLIENT', traceId: TRACE, parentId: FAN_OUT, hasEnded: true },
  ])
  expect(spans).toMatchObject([{ startedAt: 1_000, endedAt: 1_250, failure: undefined }])
  expect(spans[0]!.attributes).toEqual({
    'event.id': eventId,
    'event.type': eventType,
    'account.id': accountId,
    'webhook.id': webhookId,
    'delivery.id': id,
    'delivery.trigger': 'automatic',
    'delivery.chain': 0,
    'delivery.attempt': 1,
    'delivery.outcome': 'succeeded',
    'delivery.next': 'delivered',
    'http.response.status_code': 200,
    'server.address': 'example.com',
  })
})

it('tells of no URL but its host, of no header, body or detail', () => {
  const { tracing, spans } = aTracing()
  traceAttempt(tracing, traced, aReport(), delivered)
  expect(JSON.stringify(spans)).not.toMatch(/key|word|token|8443/)
})

it.each([
  [failed({ kind: 'failed', reason: 'timeout' }), 'failed', 'timeout', undefined],
  [failed({ kind: 'failed', reason: 'http_status', status: 503 }, 503), 'failed', 'http_status', 503],
  [failed({ kind: 'refused', reason: 'gone', status: 410 }, 410), 'refused', 'gone', 410],
  [aReport({ result: null, response: null, ourFault: 'file_descriptors' }), 'our_fault', 'file_descriptors', undefined],
])('an attempt that failed is an error with its reason', (report, outcome, reason, status) => {
  const { tracing, spans } = aTracing()
  traceAttempt(tracing, traced, report, null)
  expect(spans[0]!.failure).toBe(reason)
  expect(spans[0]!.attributes).toMatchObject({ 'delivery.outcome': outcome, 'error.type': reason })
  expect(spans[0]!.attributes['http.response.status_code']).toBe(status)
})

it('a retry is a span beside the one before, not below it', () => {
  const { tracing, spans } = aTracing()
  const outcome: AttemptOutcome = { kind: 'failed', reason: 'timeout' }
  const next = nextStep(traced, outcome, RetrySchedule.parse('10s,1m,6m,36m,3h36m'), 0)
  traceAttempt(tracing, traced, failed(outcome), next)
  traceAttempt(tracing, { ...traced, attempt: 2 }, aReport(), delivered)
  expect(spans.map(({ parentId }) => parentId)).toEqual([FAN_OUT, FAN_OUT])
  expect(spans.map(({ attributes }) => [attributes['delivery.attempt'], attributes['delivery.next']])).toEqual([
    [1, '10s'],
    [2, 'delivered'],
  ])
})

it.each([
  ['without an SDK', Tracing.off],
  ['that is not sampled', aTracing(false).tracing],
])('an attempt %s costs no attributes', (_, tracing) => {
  const report = aReport()
  Object.defineProperty(report, 'request', { get: () => expect.fail('attributes were made') })
  traceAttempt(tracing, traced, report, delivered)
})
