import { describe, expect, it } from 'vitest'
import { MAX_EVENT_BODY_BYTES, eventBody } from '#domain'
import { type EventRequest, eventRequest } from './event-schemas.js'

const CONTEXT = {
  id: '550e8400-e29b-41d4-a716-446655440000',
  name: 'My AI Assistant',
  slug: 'my-ai-assistant',
  updated_at: '2024-01-15T14:45:00Z',
}

describe('eventRequest', () => {
  it('passes producers’ times on unchanged', () => {
    const request = {
      account_id: 'acc_1',
      type: 'context.updated',
      context: CONTEXT,
      created_at: '2024-01-15T14:45:00.1+02:00',
    }
    expect(eventRequest.parse(request)).toEqual(request)
  })

  // Why no route has to measure the delivered body: what is most expensive to write still fits.
  it.each([
    ['four bytes', '😀'],
    ['six bytes of escape', '\u0001'],
  ])('lets nothing through that exceeds the delivered body’s limit, with characters of %s', (_, character) => {
    const largest: EventRequest = eventRequest.parse({
      account_id: 'acc_1',
      type: 'context.unpublished',
      id: `evt_${'x'.repeat(64)}`,
      created_at: '2024-01-15T14:45:00.123456789012+00:00',
      context: { ...CONTEXT, name: character.repeat(4_096), slug: character.repeat(512) },
    })
    const { id, type, created_at, context } = largest
    const body = eventBody({ id: id!, type, created_at: created_at!, data: { context } })
    expect(Buffer.byteLength(body)).toBeLessThan(MAX_EVENT_BODY_BYTES)
  })
})
