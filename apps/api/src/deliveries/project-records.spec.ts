import { describe, expect, it } from 'vitest'
import { aDeliveryRef, anAttempted } from '../../../../libs/domain/src/builders.testing.js'
import { ACCEPTED_AT, anEventRecord, asConsumed } from './consumed-records.testing.js'
import { emptyProjection, projectEvents, projectFacts } from './project-records.js'

function rowsOf(...facts: unknown[]) {
  const projection = emptyProjection()
  projectFacts(
    facts.map((fact) => asConsumed({ topic: 'delivery-log', key: 'k', value: JSON.stringify(fact), headers: {} })),
    projection,
  )
  return projection
}

const fannedOut = {
  kind: 'fanned_out',
  eventId: 'evt_1',
  eventType: 'context.updated',
  accountId: 'acc_1',
  acceptedAt: ACCEPTED_AT,
  at: ACCEPTED_AT + 5,
  matched: [{ webhookId: 'whk_1', deliveryId: 'dlv_1' }],
  unmatched: [{ webhookId: 'whk_2', reason: 'disabled' }],
} as const

describe('projecting the log', () => {
  it('keeps an accepted event with exactly its text and its acceptance time', () => {
    const projection = emptyProjection()
    const body = '{"id":"evt_1","data":{"context":{"name":"\\u0000 \\ud800 ü"}}}'

    projectEvents([anEventRecord('evt_1', body)], projection)

    expect(projection.rows.events).toEqual([
      { id: 'evt_1', accountId: 'acc_1', type: 'context.updated', acceptedAt: ACCEPTED_AT, body },
    ])
  })

  it('makes of a fan-out its deliveries and the account of where the event went', () => {
    const { rows } = rowsOf(fannedOut)

    expect(rows.deliveries).toMatchObject([{ id: 'dlv_1', webhookId: 'whk_1', chain: 0, end: null }])
    expect(rows.fanOuts).toEqual([
      {
        accountId: 'acc_1',
        eventId: 'evt_1',
        acceptedAt: ACCEPTED_AT,
        decidedAt: ACCEPTED_AT + 5,
        matches: { matched: ['whk_1'], unmatched: [{ webhookId: 'whk_2', reason: 'disabled' }] },
      },
    ])
  })

  it('makes of an attempt its own row and what it means for the delivery', () => {
    const { rows } = rowsOf(anAttempted({ durationMs: 41.7 }))

    expect(rows.deliveries).toMatchObject([{ id: 'dlv_1', end: { kind: 'delivered' }, attemptsMade: 1 }])
    expect(rows.attempts).toEqual([
      {
        id: 'atm_1',
        deliveryId: 'dlv_1',
        eventType: 'context.updated',
        webhookId: 'whk_abc123',
        acceptedAt: ACCEPTED_AT,
        chain: 0,
        number: 1,
        trigger: 'automatic',
        startedAt: 1_705_329_900_006,
        durationMs: 42,
        outcome: 'succeeded',
        reason: null,
        request: { url: 'https://example.com/webhook', headers: { 'content-type': 'application/json' } },
        response: { status: 200, headers: {}, body: 'OK' },
      },
    ])
  })

  it('takes every kind of fact', () => {
    const delivery = aDeliveryRef()
    const projection = rowsOf(
      { kind: 'deferred', delivery, at: 1, attempt: 2, notBefore: 3 },
      { kind: 'chain_ended', delivery, at: 1, end: 'expired' },
      { kind: 'redelivery_requested', delivery: { ...delivery, chain: 1, trigger: 'redelivery' }, at: 1 },
      anAttempted({ outcome: { kind: 'failed', reason: 'timeout' }, response: null }),
      anAttempted({ outcome: { kind: 'refused', reason: 'gone', status: 410 } }),
    )

    expect(projection.unreadable).toEqual([])
    expect(projection.rows.deliveries).toHaveLength(5)
  })

  it.each<[string, unknown]>([
    ['nothing of its delivery', { kind: 'attempted' }],
    ['an acceptance time that is none', anAttempted({ delivery: aDeliveryRef({ acceptedAt: NaN }) })],
    ['an acceptance time between two ms', anAttempted({ delivery: aDeliveryRef({ acceptedAt: 1.5 }) })],
    ['a time that no calendar has', { ...fannedOut, acceptedAt: 1e17 }],
    ['an id that Postgres refuses', anAttempted({ delivery: aDeliveryRef({ eventId: 'evt_\0' }) })],
    ['a number that no column takes', anAttempted({ number: 2 ** 31 })],
    ['an event type of another product', { ...fannedOut, eventType: 'context.exploded' }],
    ['an end that is none', { kind: 'chain_ended', delivery: aDeliveryRef(), at: 1, end: 'waiting' }],
    ['a trigger that is none', anAttempted({ delivery: aDeliveryRef({ trigger: 'whim' as never }) })],
    ['no lists of webhooks', { ...fannedOut, matched: undefined }],
    ['a hole in its list of webhooks', { ...fannedOut, matched: [null] }],
    ['no request', anAttempted({ request: undefined as never })],
    ['an outcome that is none', anAttempted({ outcome: null as never })],
    ['no next step', anAttempted({ next: undefined as never })],
    ['a response without a body', anAttempted({ response: { status: 200, headers: {} } as never })],
    ['a name of its own', { kind: 'imagined' }],
  ])('sets a fact aside that has %s, and goes on with the next', (_, unsound) => {
    const { rows, unreadable } = rowsOf(unsound, anAttempted())

    expect(unreadable).toHaveLength(1)
    expect(unreadable[0]?.problem).toMatch(/fact/)
    expect(rows.deliveries).toHaveLength(1)
    expect(rows.attempts).toHaveLength(1)
  })

  it('sets aside what is no JSON, and an event without a type', () => {
    const projection = emptyProjection()
    const notJson = asConsumed({ topic: 'delivery-log', key: 'k', value: '{', headers: {} })
    const noType = asConsumed({ topic: 'context-events', key: 'acc_1', value: '{}', headers: { 'event-id': 'evt_1' } })

    projectFacts([notJson], projection)
    projectEvents([noType], projection)

    expect(projection.unreadable.map(({ record }) => record)).toEqual([notJson, noType])
    expect(projection.rows).toEqual(emptyProjection().rows)
  })
})
