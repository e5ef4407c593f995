import { describe, expect, it } from 'vitest'
import { deliveryIdFor } from '#domain'
import { type DeliveryState, type EventRow, statesFrom } from '#postgres'
import { aDeliveryRef, anAttempted, anEvent } from '../../../../libs/domain/src/builders.testing.js'
import { eventDetailView, eventView } from './event-views.js'

const event: EventRow = {
  accountId: 'acc_1',
  id: 'evt_abc123def456',
  type: 'context.updated',
  acceptedAt: 1_705_329_900_000,
  body: JSON.stringify(anEvent()),
}

function deliveredTo(webhookId: string): DeliveryState {
  const delivery = aDeliveryRef({ webhookId, deliveryId: deliveryIdFor(event.id, webhookId) })
  return statesFrom(anAttempted({ delivery }))[0] as DeliveryState
}

describe('an event as its account sees it', () => {
  it('is what was delivered', () => {
    expect(eventView(event)).toEqual(anEvent())
  })

  it('tells of every webhook what became of it there, or why it did not go there', () => {
    const matches = {
      matched: ['whk_1', 'whk_2'],
      unmatched: [{ webhookId: 'whk_3', reason: 'disabled' as const }],
    }

    expect(eventDetailView(event, matches, [], [deliveredTo('whk_1')]).matches).toEqual([
      { webhook_id: 'whk_1', delivery_id: deliveryIdFor(event.id, 'whk_1'), status: 'delivered', reason: null },
      { webhook_id: 'whk_2', delivery_id: deliveryIdFor(event.id, 'whk_2'), status: 'waiting', reason: null },
      { webhook_id: 'whk_3', delivery_id: null, status: null, reason: 'disabled' },
    ])
  })

  it('does not call what is no longer kept waiting', () => {
    const matches = { matched: ['whk_1', 'whk_2'], unmatched: [] }

    const view = eventDetailView(event, matches, [], [deliveredTo('whk_1')], event.acceptedAt + 1)
    expect(view.matches).toEqual([
      { webhook_id: 'whk_1', delivery_id: deliveryIdFor(event.id, 'whk_1'), status: 'delivered', reason: null },
      { webhook_id: 'whk_2', delivery_id: null, status: null, reason: null },
    ])
  })

  it('believes a delivery more than the decision of a run of fan-out that crashed', () => {
    const matches = { matched: [], unmatched: [{ webhookId: 'whk_1', reason: 'type_not_subscribed' as const }] }

    expect(eventDetailView(event, matches, [], [deliveredTo('whk_1')]).matches).toMatchObject([
      { webhook_id: 'whk_1', status: 'delivered', reason: null },
    ])
  })

  it('tells of webhooks that were made later, oldest first, and of what a replay brought them', () => {
    const made = (id: string, at: number) => ({ id, createdAt: new Date(event.acceptedAt + at) })
    const present = [made('whk_5', 3), made('whk_4', 2), made('whk_3', 1), made('whk_1', -1)]

    expect(
      eventDetailView(event, { matched: ['whk_1'], unmatched: [] }, present, [deliveredTo('whk_4')]),
    ).toMatchObject({
      matches: [
        { webhook_id: 'whk_1', status: 'waiting', reason: null },
        { webhook_id: 'whk_3', delivery_id: null, status: null, reason: 'created_later' },
        { webhook_id: 'whk_4', status: 'delivered', reason: null },
        { webhook_id: 'whk_5', delivery_id: null, status: null, reason: 'created_later' },
      ],
    })
  })

  it('tells nothing before it is decided', () => {
    const present = [{ id: 'whk_1', createdAt: new Date() }]

    expect(eventDetailView(event, null, present, []).matches).toEqual([])
  })
})
