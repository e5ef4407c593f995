import { describe, expect, it } from 'vitest'
import type { EventRequest } from './event-schemas.js'
import { eventIdOf } from './idempotency-key.js'

function request(overrides: Partial<EventRequest> = {}): EventRequest {
  return { account_id: 'acc_1', type: 'context.created', ...overrides } as EventRequest
}

describe('eventIdOf', () => {
  it('makes a new id where the producer gives none', () => {
    expect(eventIdOf(request(), undefined)).toMatch(/^evt_[0-9a-f]{32}$/)
    expect(eventIdOf(request(), undefined)).not.toBe(eventIdOf(request(), undefined))
  })

  it('takes the producer’s own', () => {
    expect(eventIdOf(request({ id: 'evt_producers-own' }), undefined)).toBe('evt_producers-own')
  })

  it('gives one id for one account and Idempotency-Key, another for another account', () => {
    const id = eventIdOf(request(), 'order 7'.replace(' ', '-'))
    expect(eventIdOf(request(), 'order-7')).toBe(id)
    expect(eventIdOf(request({ account_id: 'acc_2' }), 'order-7')).not.toBe(id)
  })

  it('takes both when they are the same', () => {
    const id = eventIdOf(request(), 'order-7')
    expect(eventIdOf(request({ id }), 'order-7')).toBe(id)
  })

  it('refuses both when they differ, and names the id', () => {
    expect(() => eventIdOf(request({ id: 'evt_producers-own' }), 'order-7')).toThrow(
      expect.objectContaining({ status: 422, errors: [expect.objectContaining({ pointer: '/id' })] }),
    )
  })

  it.each(['', ' ', 'with space', 'x'.repeat(256), 'ümlaut'])('refuses %j as a key', (key) => {
    expect(() => eventIdOf(request(), key)).toThrow(expect.objectContaining({ status: 422 }))
  })
})
