import fc from 'fast-check'
import { expect, test } from 'vitest'
import { anEvent } from './builders.testing.js'
import { contextEventTypes } from './event-type.js'
import { type Context, type ContextEvent, eventBody, sampleEvent } from './event.js'

const GUIDE_BODY =
  '{"id":"evt_abc123def456","type":"context.updated","created_at":"2024-01-15T14:45:00Z","data":{"context":' +
  '{"id":"550e8400-e29b-41d4-a716-446655440000","name":"My AI Assistant","slug":"my-ai-assistant",' +
  '"updated_at":"2024-01-15T14:45:00Z"}}}'

test("the body is the guide's payload, key for key", () => {
  expect(eventBody(anEvent())).toBe(GUIDE_BODY)
})

test("a producer's own key order does not reach the body", () => {
  const { id, type, created_at, data } = anEvent()
  const { name, slug, updated_at, id: contextId } = data.context
  expect(eventBody({ data: { context: { updated_at, slug, name, id: contextId } }, created_at, type, id })).toBe(
    GUIDE_BODY,
  )
})

test('a field that nobody expected does not reach the body', () => {
  const event = anEvent({ context: { secret: 'x' } as Partial<Context> })
  expect(eventBody({ ...event, account_id: 'acc_1' } as ContextEvent)).toBe(GUIDE_BODY)
})

// Receivers with the guide's snippet verify JSON.stringify(JSON.parse(body)): it must be the body again, byte for byte.
test('any name and slug survive a round through a JSON parser, and so does the whole text', () => {
  const unusual = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.string({ unit: 'grapheme' }),
    fc.constantFrom('\u0000', '\ud800', '\u2028\u2029', '\ufeff', '"\\/\b', '</script>', '__proto__', '1e400', '-0'),
  )
  fc.assert(
    fc.property(unusual, unusual, unusual, (name, slug, updated_at) => {
      const event = anEvent({ context: { name, slug, updated_at } })
      const body = eventBody(event)
      expect(JSON.parse(body)).toEqual(event)
      expect(JSON.stringify(JSON.parse(body))).toBe(body)
      expect(Buffer.from(body).toString()).toBe(body)
    }),
  )
})

test.each(contextEventTypes)('the sample of %s has the shape of a real event', (type) => {
  const sample = sampleEvent(type, 'evt_sample', new Date('2024-01-15T14:45:00.000Z'))
  expect(sample).toEqual(
    anEvent({
      id: 'evt_sample',
      type,
      created_at: '2024-01-15T14:45:00.000Z',
      context: { updated_at: '2024-01-15T14:45:00.000Z' },
    }),
  )
})
