import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { askAdmin } from '../local/src/admin-command.js'
import type { ApiClient, WebhookCreated } from './support/api-client.js'
import { eventually } from './support/eventually.js'
import { Pipeline } from './support/pipeline.js'
import { type ReceivedRequest, Receiver, isSigned } from './support/receiver.js'

const DISABLE_AFTER_MS = 6_000
const TYPES = ['webhook.failing', 'webhook.disabled', 'webhook.enabled']

let pipeline: Pipeline
let receiver: Receiver

beforeAll(async () => {
  ;[pipeline, receiver] = await Promise.all([
    Pipeline.start({
      environment: {
        DISABLE_AFTER: `${DISABLE_AFTER_MS}ms`,
        DISABLE_AFTER_ATTEMPTS: '4',
        RETRY_SCHEDULE: '1s,1s,1s,2s,2s',
      },
    }),
    Receiver.start(),
  ])
})
afterAll(async () => {
  await pipeline?.stop()
  await receiver?.stop()
})

interface OperationalBody {
  id: string
  type: string
  data: { webhook: { id: string; state: string; reason: string | null; failing_since: string | null } }
}

const bodyOf = (request: ReceivedRequest) => JSON.parse(request.body.toString()) as OperationalBody
const firstOf = (type: string) => receiver.at('/watches').find((request) => bodyOf(request).type === type)!
const typesAt = (path: string) => receiver.at(path).map((request) => bodyOf(request).type)

const webhook = (client: ApiClient, id: string) =>
  client.expect<{ state: string; failing_since: string }>('GET', `/v1/webhooks/${id}`)

/** The types of the account's own operational events, oldest first, with whom they are about. */
async function operationalEvents(client: ApiClient): Promise<[type: string, about: string][]> {
  const { data } = await client.expect<{ data: OperationalBody[] }>('GET', '/v1/events?limit=100')
  return data
    .filter(({ type }) => TYPES.includes(type))
    .map((event): [string, string] => [event.type, event.data.webhook.id])
    .toReversed()
}

/** Fails every delivery of `type`, first now and once more when its time is up, until it is disabled. */
async function failUntilDisabled(client: ApiClient, accountId: string, type: string, ids: string[]): Promise<void> {
  await pipeline.publish({ accountId, type })
  await eventually(async () => {
    for (const id of ids) expect(await webhook(client, id)).toMatchObject({ state: 'failing' })
  })
  const began = Date.now()
  // The schedule of one delivery is over before its time is up, so another keeps them failing.
  await eventually(() => expect(Date.now() - began).toBeGreaterThan(DISABLE_AFTER_MS))
  await pipeline.publish({ accountId, type })
  await eventually(async () => {
    for (const id of ids) expect(await webhook(client, id)).toMatchObject({ state: 'disabled' })
  })
}

describe('what becomes of a webhook', () => {
  let account: { id: string; client: ApiClient }
  let failing: WebhookCreated
  let watching: WebhookCreated
  let isBack = false

  beforeAll(async () => {
    account = await pipeline.newAccount()
    failing = await account.client.createWebhook(
      receiver.url('/fails', () => (isBack ? 200 : 503)),
      ['context.updated', ...TYPES],
      'Fails',
    )
    watching = await account.client.createWebhook(receiver.url('/watches'), TYPES, 'Watches')
  })

  it('is told once each to the other webhooks that asked for it, signed, and never to itself', async () => {
    await failUntilDisabled(account.client, account.id, 'context.updated', [failing.id])
    const { failing_since } = await webhook(account.client, failing.id)
    isBack = true
    await account.client.expect('PATCH', `/v1/webhooks/${failing.id}`, { is_active: true })

    // No order is promised between deliveries.
    await eventually(() => expect(typesAt('/watches').toSorted()).toEqual(TYPES.toSorted()))
    for (const request of receiver.at('/watches')) expect(isSigned(request, watching.secret)).toBe(true)
    const { id, name, url } = failing
    const told = (type: string, state: string, reason: string | null, since: string | null) => {
      const request = firstOf(type)
      const { id: eventId, created_at } = JSON.parse(request.body.toString())
      const about = { id, name, url, state, reason, failing_since: since }
      expect(request.body.toString()).toBe(JSON.stringify({ id: eventId, type, created_at, data: { webhook: about } }))
      expect(request.eventId).toBe(eventId)
    }
    told('webhook.failing', 'failing', null, failing_since)
    told('webhook.disabled', 'disabled', 'failing', failing_since)
    told('webhook.enabled', 'active', null, null)
    expect(typesAt('/fails')).not.toContain('webhook.enabled')
    await eventually(async () =>
      expect(await operationalEvents(account.client)).toEqual(TYPES.map((type) => [type, failing.id])),
    )
  })

  it('is an event of the account, which says why it did not go to the webhook that it is about', async () => {
    await eventually(async () => {
      const { eventId } = firstOf('webhook.enabled')
      const event = await account.client.expect<{ matches: object[] }>('GET', `/v1/events/${eventId}`)
      expect(event.matches).toHaveLength(2)
      expect(event.matches).toContainEqual(expect.objectContaining({ webhook_id: watching.id, status: 'delivered' }))
      expect(event.matches).toContainEqual(
        expect.objectContaining({ webhook_id: failing.id, delivery_id: null, reason: 'about_itself' }),
      )
    })
  })

  it('is also told where its owner, or a 410, did it', async () => {
    const gone = await account.client.createWebhook(
      receiver.url('/gone', () => 410),
      ['context.deleted'],
    )
    await pipeline.publish({ accountId: account.id, type: 'context.deleted' })
    await account.client.expect('PATCH', `/v1/webhooks/${failing.id}`, { is_active: false })

    await eventually(() => {
      const disabled = receiver.at('/watches').map((request) => bodyOf(request).data.webhook)
      expect(disabled).toContainEqual(expect.objectContaining({ id: gone.id, state: 'disabled', reason: 'gone' }))
      expect(disabled).toContainEqual(
        expect.objectContaining({ id: failing.id, state: 'disabled', reason: 'owner', failing_since: null }),
      )
    })
    expect(receiver.at('/watches')).toHaveLength(5)
  })
})

describe('two webhooks that hear of each other and both fail', () => {
  it('are each disabled once, and that is the end of it', async () => {
    const { id: accountId, client } = await pipeline.newAccount()
    const create = (path: string) =>
      client.createWebhook(
        receiver.url(path, () => 500),
        ['context.created', ...TYPES],
      )
    const [a, b] = [await create('/a'), await create('/b')]
    await failUntilDisabled(client, accountId, 'context.created', [a.id, b.id])

    await eventually(async () => {
      const told = await operationalEvents(client)
      expect(told.toSorted()).toEqual(
        ['webhook.disabled', 'webhook.failing'].flatMap((type) => [a.id, b.id].toSorted().map((id) => [type, id])),
      )
    })
    for (const [path, { id }] of [
      ['/a', a],
      ['/b', b],
    ] as const) {
      await eventually(async () => {
        const { data } = await client.expect<{ data: object[] }>('GET', `/v1/webhooks/${id}/deliveries?status=waiting`)
        expect(data).toEqual([])
      })
      const told = receiver.at(path).map((request) => bodyOf(request).data.webhook?.id)
      expect(told).not.toContain(id)
    }
    expect(await operationalEvents(client)).toHaveLength(4)
  })
})

it('leaves nothing unaccounted for', async () => {
  const { missing, read } = await askAdmin(['audit', '--since', '1h', '--overdue-after', '1s'], pipeline.admin)
  expect(missing).toEqual([])
  expect(read).toMatchObject({ events: 5 + 5 + 4 })
})
