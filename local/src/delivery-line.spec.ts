import { expect, it } from 'vitest'
import { coloursFor } from './console.js'
import { deliveryLine, type SeenDelivery } from './delivery-line.js'

const plain = coloursFor({}, {})
const aDelivery = (changed: Partial<SeenDelivery> = {}): SeenDelivery => ({
  at: new Date('2026-01-15T14:45:00.123Z'),
  type: 'context.updated',
  eventId: 'evt_abc123def456',
  attempt: '1',
  verified: true,
  ...changed,
})

it('shows when, what, which, the attempt and the verdict', () => {
  expect(deliveryLine(aDelivery(), plain)).toMatch(
    /14:45:00\.123 +context\.updated +evt_abc123def456 +attempt 1 +✓ verified$/,
  )
})

it('tells a wrong signature from one that could not be checked', () => {
  expect(deliveryLine(aDelivery({ verified: false }), plain)).toContain('✗ wrong signature')
  expect(deliveryLine(aDelivery({ verified: undefined }), plain)).toContain('not checked')
})

it('keeps the columns of different event types aligned', () => {
  const columns = ['context.created', 'context.unpublished'].map((type) =>
    deliveryLine(aDelivery({ type }), plain).indexOf('evt_'),
  )
  expect(columns[0]).toBe(columns[1])
})
