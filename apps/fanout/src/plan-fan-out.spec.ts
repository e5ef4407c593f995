import { expect, it } from 'vitest'
import { deliveryIdFor, type AcceptedEvent, type SubscribedWebhook } from '#domain'
import { planFanOut } from './plan-fan-out.js'

const anEvent = (changes: Partial<AcceptedEvent> = {}): AcceptedEvent => ({
  id: 'evt_12345678',
  accountId: 'acc_1',
  type: 'context.updated',
  acceptedAt: 1_000,
  body: Buffer.from('{"id":"evt_12345678"}'),
  ...changes,
})
const aWebhook = (changes: Partial<SubscribedWebhook> = {}): SubscribedWebhook => ({
  id: 'whk_1',
  accountId: 'acc_1',
  version: 3,
  events: ['context.updated'],
  isActive: true,
  createdAt: 0,
  ...changes,
})

it('makes one delivery for each webhook that subscribed, with the very bytes that were accepted', () => {
  const event = anEvent()
  const { deliveries } = planFanOut(event, [aWebhook(), aWebhook({ id: 'whk_2', version: 7 })], 2_000)
  expect(deliveries.map(({ webhookId, webhookVersion }) => [webhookId, webhookVersion])).toEqual([
    ['whk_1', 3],
    ['whk_2', 7],
  ])
  for (const delivery of deliveries) {
    expect(delivery.body).toBe(event.body)
    expect(delivery).toMatchObject({ attempt: 1, chain: 0, trigger: 'automatic', acceptedAt: 1_000, notBefore: null })
  }
})

it('gives the same delivery ids when it runs a second time', () => {
  const ids = () => planFanOut(anEvent(), [aWebhook()], Date.now()).deliveries.map(({ id }) => id)
  expect(ids()).toEqual([deliveryIdFor('evt_12345678', 'whk_1')])
  expect(ids()).toEqual(ids())
})

it('says in its fact where the event went, and for the others why not', () => {
  const webhooks = [
    aWebhook(),
    aWebhook({ id: 'whk_other_type', events: ['context.deleted'] }),
    aWebhook({ id: 'whk_off', isActive: false }),
  ]
  const { fact } = planFanOut(anEvent(), webhooks, 2_000)
  expect(fact).toMatchObject({ kind: 'fanned_out', eventId: 'evt_12345678', accountId: 'acc_1', at: 2_000 })
  expect(fact.matched).toEqual([{ webhookId: 'whk_1', deliveryId: deliveryIdFor('evt_12345678', 'whk_1') }])
  expect(fact.unmatched).toEqual([
    { webhookId: 'whk_other_type', reason: 'type_not_subscribed' },
    { webhookId: 'whk_off', reason: 'disabled' },
  ])
})

it('tells a webhook nothing about itself', () => {
  const webhooks = ['whk_1', 'whk_2'].map((id) => aWebhook({ id, events: ['webhook.failing'] }))
  const { deliveries, fact } = planFanOut(
    anEvent({ type: 'webhook.failing', aboutWebhookId: 'whk_1' }),
    webhooks,
    2_000,
  )
  expect(deliveries.map(({ webhookId }) => webhookId)).toEqual(['whk_2'])
  expect(fact.unmatched).toEqual([{ webhookId: 'whk_1', reason: 'about_itself' }])
})

it('writes its fact also for an event that nobody wants', () => {
  const plan = planFanOut(anEvent(), [], 2_000)
  expect(plan.deliveries).toEqual([])
  expect(plan.fact.matched).toEqual([])
})

it('hands the trace of an event on to its deliveries, where it has one, and puts none of them off', () => {
  const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
  const [traced] = planFanOut(anEvent({ traceparent }), [aWebhook()], 2_000).deliveries
  const [untraced] = planFanOut(anEvent(), [aWebhook()], 2_000).deliveries
  expect([traced!.traceparent, 'traceparent' in untraced!]).toEqual([traceparent, false])
  expect(traced).toMatchObject({ isDeferred: false, deferredSince: null, chainStartedAt: null })
})
