import { describe, expect, it } from 'vitest'
import { USUAL_PATIENCE_MS, deadlineOf, isOverdue, patienceFor } from './deadline.js'

const HOUR_MS = 3_600_000
const NOON = Date.parse('2024-01-15T12:00:00Z')
const patience = patienceFor(24 * HOUR_MS)

describe('the deadline of a waiting delivery', () => {
  it('is after the time it waits for, however far away that is', () => {
    const waiting = { notBefore: NOON + 4 * HOUR_MS, trigger: 'automatic' as const }

    expect(deadlineOf(waiting, patience)).toBe(waiting.notBefore + USUAL_PATIENCE_MS)
    expect(isOverdue(waiting, patience, waiting.notBefore)).toBe(false)
    expect(isOverdue(waiting, patience, waiting.notBefore + USUAL_PATIENCE_MS)).toBe(false)
    expect(isOverdue(waiting, patience, waiting.notBefore + USUAL_PATIENCE_MS + 1)).toBe(true)
  })

  it.each(['automatic', 'test', 'redelivery'] as const)('is the usual one for %s', (trigger) => {
    expect(deadlineOf({ notBefore: NOON, trigger }, patience)).toBe(NOON + USUAL_PATIENCE_MS)
  })

  it('leaves a replay the time to stand in line behind live traffic', () => {
    expect(deadlineOf({ notBefore: NOON, trigger: 'replay' }, patience)).toBe(NOON + 24 * HOUR_MS)
  })

  it('is never earlier for a replay than for anything else, also where deliveries may hardly age', () => {
    const short = patienceFor(1_000)

    expect(deadlineOf({ notBefore: NOON, trigger: 'replay' }, short)).toBe(NOON + USUAL_PATIENCE_MS)
  })
})
