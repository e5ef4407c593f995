import { expect, it } from 'vitest'
import { CallableWebhooks, assertExists } from './callable-webhooks.js'

function someWebhooks(active: Record<string, boolean>) {
  const clock = { now: 0 }
  const row = ([id, isActive]: [string, boolean]) => ({
    id,
    isActive,
    accountId: 'a',
    version: 1,
    events: [],
    createdAt: 0,
  })
  const snapshot = { subscribed: () => Promise.resolve(Object.entries(active).map(row)) }
  return { webhooks: new CallableWebhooks(snapshot, () => clock.now), active, clock }
}

it('tells why a webhook is not called', async () => {
  const { webhooks } = someWebhooks({ whk_on: true, whk_off: false })
  await webhooks.look()

  expect(['whk_on', 'whk_off', 'whk_none'].map((id) => webhooks.whyNot(id))).toEqual([
    null,
    'webhook_disabled',
    'webhook_deleted',
  ])
})

it('looks anew after a second, and not before', async () => {
  const { webhooks, active, clock } = someWebhooks({ whk_1: true })
  await webhooks.look()
  active.whk_1 = false

  clock.now = 999
  await webhooks.look()
  expect(webhooks.whyNot('whk_1')).toBeNull()

  clock.now = 1_000
  await webhooks.look()
  expect(webhooks.whyNot('whk_1')).toBe('webhook_disabled')
})

it('lets those who ask at once wait for one answer', async () => {
  const { webhooks } = someWebhooks({ whk_1: true })
  void webhooks.look()
  await webhooks.look()

  expect(webhooks.whyNot('whk_1')).toBeNull()
})

it('takes an id for a slip only where no webhook has it', async () => {
  const { webhooks } = someWebhooks({ whk_off: false })

  await expect(assertExists('whk_off', webhooks)).resolves.toBeUndefined()
  await expect(assertExists('whk_nope', webhooks)).rejects.toThrow('There is no webhook whk_nope')
})
