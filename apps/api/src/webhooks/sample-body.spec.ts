import { expect, it } from 'vitest'
import { eventTypes } from '#domain'
import { deliveredEvent, deliveredOperationalEvent } from '../events/event-schemas.js'
import { sampleBody } from './sample-body.js'

const NOW = new Date('2024-01-15T14:45:00Z')

it.each(eventTypes)('makes a body of the type %s', (type) => {
  const body = JSON.parse(sampleBody(type, 'evt_sample', NOW)) as Record<string, unknown>
  expect(Object.keys(body)).toEqual(['id', 'type', 'created_at', 'data'])
  expect(body).toMatchObject({ id: 'evt_sample', type, created_at: NOW.toISOString() })
  if (type.startsWith('context.')) deliveredEvent.parse(body)
  else deliveredOperationalEvent.parse(body)
})
