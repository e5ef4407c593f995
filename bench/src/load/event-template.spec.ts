import { expect, it } from 'vitest'
import { eventBody } from '#domain'
import { eventId, sequenceOf, tagOf } from './event-id.js'
import { eventTemplate } from './event-template.js'

it('makes requests whose delivered body is one KiB', () => {
  const request = JSON.parse(eventTemplate('acc_1', 'context.deleted')(eventId('0a1b2c3d', 42))) as {
    account_id: string
    type: 'context.deleted'
    id: string
    context: { id: string; name: string; slug: string; updated_at: string }
  }
  expect(request).toMatchObject({ account_id: 'acc_1', type: 'context.deleted', id: 'evt_0a1b2c3d00000042' })
  const { id, type, context } = request
  const body = eventBody({ id, type, created_at: new Date().toISOString(), data: { context } })
  expect(Buffer.byteLength(body)).toBe(1024)
})

it('finds tag and sequence in an event id again', () => {
  const id = eventId('0a1b2c3d', 1_234_567)
  expect([tagOf(id), sequenceOf(id)]).toEqual(['0a1b2c3d', 1_234_567])
})
