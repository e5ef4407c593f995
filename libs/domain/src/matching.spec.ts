import { expect, test } from 'vitest'
import { aWebhook } from './builders.testing.js'
import { matchWebhooks } from './matching.js'

test('an event goes to the webhooks that subscribe to its type', () => {
  const subscribed = aWebhook({ id: 'whk_1', events: ['context.created', 'context.deleted'] })
  const other = aWebhook({ id: 'whk_2', events: ['context.updated'] })
  expect(matchWebhooks('context.deleted', [subscribed, other])).toEqual({
    matched: [subscribed],
    unmatched: [{ webhook: other, reason: 'type_not_subscribed' }],
  })
})

test('a disabled webhook gets nothing, and the reason is that it is disabled', () => {
  const disabled = aWebhook({ isActive: false })
  expect(matchWebhooks('context.updated', [disabled])).toEqual({
    matched: [],
    unmatched: [{ webhook: disabled, reason: 'disabled' }],
  })
})

test('a type that a disabled webhook never asked for is not explained by its state', () => {
  const { unmatched } = matchWebhooks('context.deleted', [aWebhook({ isActive: false, events: ['context.created'] })])
  expect(unmatched.map(({ reason }) => reason)).toEqual(['type_not_subscribed'])
})

test('an event about a webhook goes to the others that asked for it, and never to itself', () => {
  const [about, other] = ['whk_1', 'whk_2'].map((id) => aWebhook({ id, events: ['webhook.disabled'] }))
  const webhooks = [about!, other!]
  expect(matchWebhooks('webhook.disabled', webhooks, 'whk_1')).toEqual({
    matched: [other],
    unmatched: [{ webhook: about, reason: 'about_itself' }],
  })
})

test('that an event is about the webhook explains more than that the webhook is disabled', () => {
  const about = aWebhook({ id: 'whk_1', events: ['webhook.disabled'], isActive: false })
  const { unmatched } = matchWebhooks('webhook.disabled', [about], 'whk_1')
  expect(unmatched.map(({ reason }) => reason)).toEqual(['about_itself'])
})

test('an account without webhooks matches nothing', () => {
  expect(matchWebhooks('context.created', [])).toEqual({ matched: [], unmatched: [] })
})
