import { expect, test } from 'vitest'
import type { AttemptOutcome } from './attempt.js'
import { aDelivery } from './builders.testing.js'
import type { Delivery, Trigger } from './delivery.js'
import { type NextStep, nextStep } from './next-step.js'
import { DEFAULT_RETRY_SCHEDULE, RetrySchedule } from './retry-schedule.js'

const schedule = RetrySchedule.parse(DEFAULT_RETRY_SCHEDULE)
const NOW = 1_705_329_900_000
const FAILED: AttemptOutcome = { kind: 'failed', reason: 'http_status', status: 500 }

function stepAfter(outcome: AttemptOutcome, delivery: Partial<Delivery> = {}): NextStep {
  return nextStep(aDelivery(delivery), outcome, schedule, NOW)
}

test('a success delivers', () => {
  expect(stepAfter({ kind: 'succeeded', status: 204 })).toEqual({ kind: 'end', end: 'delivered' })
  expect(stepAfter({ kind: 'succeeded', status: 200 }, { attempt: 6 })).toEqual({ kind: 'end', end: 'delivered' })
})

test('410 ends the chain at once', () => {
  expect(stepAfter({ kind: 'refused', reason: 'gone', status: 410 })).toEqual({ kind: 'end', end: 'gone' })
})

test('a receiver that always fails gets six attempts in all, spaced as the schedule says', () => {
  const waits: number[] = []
  let attempt = 1
  let step = stepAfter(FAILED, { attempt })
  while (step.kind === 'retry') {
    waits.push(step.notBefore - NOW)
    expect(step.attempt).toBe(attempt + 1)
    expect(step.tier.delayMs).toBe(step.notBefore - NOW)
    attempt = step.attempt
    step = stepAfter(FAILED, { attempt })
  }
  expect(waits).toEqual([10_000, 60_000, 360_000, 2_160_000, 12_960_000])
  expect(attempt).toBe(6)
  expect(step).toEqual({ kind: 'end', end: 'exhausted' })
})

test('Retry-After moves a delivery to a longer tier, and the attempts after it go on from their own place', () => {
  expect(stepAfter({ ...FAILED, retryAfterMs: 300_000 })).toEqual({
    kind: 'retry',
    tier: { name: '6m', delayMs: 360_000 },
    attempt: 2,
    notBefore: NOW + 360_000,
  })
  expect(stepAfter(FAILED, { attempt: 2 })).toMatchObject({ tier: { name: '1m' }, attempt: 3 })
})

test('a test send is made once', () => {
  expect(stepAfter(FAILED, { trigger: 'test' })).toEqual({ kind: 'end', end: 'exhausted' })
})

test.each<Trigger>(['automatic', 'redelivery', 'replay'])('a delivery by %s is retried', (trigger) => {
  expect(stepAfter(FAILED, { trigger, chain: 1 })).toMatchObject({ kind: 'retry', attempt: 2 })
})
