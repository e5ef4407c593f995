import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { newId } from '#domain'
import { type TestDatabase, createTestDatabase } from '../test-database.testing.js'
import { AccountStore } from './account-store.js'
import { TooManyWebhooks, UnknownAccount } from './refusals.js'
import { type NewWebhook, WebhookStore } from './webhook-store.js'

function aNewWebhook(change: Partial<NewWebhook> = {}): NewWebhook {
  return {
    id: newId('whk'),
    name: 'My Webhook',
    url: 'https://example.com/webhook',
    events: ['context.created'],
    sealedSecret: 'sealed',
    ...change,
  }
}

describe('the webhooks of an account', () => {
  let test: TestDatabase
  let store: WebhookStore
  beforeAll(async () => {
    test = await createTestDatabase()
    store = new WebhookStore(test.database)
  })
  afterAll(() => test.close())

  async function anAccount(): Promise<string> {
    const id = newId('acc')
    await new AccountStore(test.database).create({ id, name: 'Acme', email: 'owner@example.com' })
    return id
  }

  async function lastChange(): Promise<unknown> {
    const [row] = await test.database.query<{ change: string }>('select change from outbox order by id desc limit 1')
    return JSON.parse(row!.change)
  }

  it('begin active, at version 1, and leave their whole configuration in the outbox', async () => {
    const accountId = await anAccount()
    const input = aNewWebhook()

    const { webhook } = await store.create(accountId, input)

    expect(webhook).toMatchObject({ id: input.id, accountId, state: 'active', disabledReason: null, version: 1 })
    expect(await store.find(accountId, input.id)).toEqual(webhook)
    expect(await lastChange()).toEqual({
      kind: 'changed',
      webhook: {
        id: input.id,
        accountId,
        version: 1,
        events: ['context.created'],
        isActive: true,
        createdAt: webhook.createdAt.getTime(),
        url: input.url,
        secrets: [{ sealed: 'sealed', expiresAt: null }],
      },
    })
  })

  it('are refused for an account that does not exist', async () => {
    await expect(store.create('acc_none', aNewWebhook())).rejects.toThrow(UnknownAccount)
  })

  it('are at most a hundred, however many are created at once', async () => {
    const accountId = await anAccount()
    for (let i = 0; i < 95; i++) await store.create(accountId, aNewWebhook())

    const results = await Promise.allSettled(Array.from({ length: 12 }, () => store.create(accountId, aNewWebhook())))

    const refused = results.filter((result) => result.status === 'rejected')
    expect(refused).toHaveLength(7)
    for (const { reason } of refused) expect(reason).toBeInstanceOf(TooManyWebhooks)
    expect(await store.list(accountId, { limit: 200 })).toHaveLength(100)
  })

  it('are listed newest first, each once, also when many were created in the same millisecond', async () => {
    const accountId = await anAccount()
    const created = []
    for (let i = 0; i < 7; i++) created.push((await store.create(accountId, aNewWebhook())).webhook)
    await test.database.query('update webhooks set created_at = $2 where account_id = $1', [accountId, new Date(1_000)])

    const seen: string[] = []
    let after: { createdAt: Date; id: string } | undefined
    for (;;) {
      const rows = await store.list(accountId, { limit: 3, after })
      seen.push(...rows.slice(0, 3).map((row) => row.id))
      if (rows.length <= 3) break
      after = rows[2]
    }

    expect(seen).toEqual(
      created
        .map((webhook) => webhook.id)
        .sort()
        .reverse(),
    )
  })

  it('change by a patch that touches nothing else and grows the version', async () => {
    const accountId = await anAccount()
    const { webhook } = await store.create(accountId, aNewWebhook())

    const result = await store.update(accountId, webhook.id, { url: 'https://example.com/moved' })

    expect(result?.webhook).toMatchObject({ url: 'https://example.com/moved', name: webhook.name, version: 2 })
    expect(await store.find(accountId, webhook.id)).toEqual(result?.webhook)
    expect(await lastChange()).toMatchObject({ webhook: { url: 'https://example.com/moved', version: 2 } })
  })

  it('are disabled and brought back by their owner', async () => {
    const accountId = await anAccount()
    const { webhook } = await store.create(accountId, aNewWebhook())

    const disabled = await store.update(accountId, webhook.id, { isActive: false })
    expect(disabled?.webhook).toMatchObject({ state: 'disabled', disabledReason: 'owner' })
    expect(await lastChange()).toMatchObject({ webhook: { isActive: false } })

    const back = await store.update(accountId, webhook.id, { isActive: true })
    expect(back?.webhook).toMatchObject({ state: 'active', disabledReason: null, version: 3 })
  })

  it('keep the reason for which they were disabled when the owner disables them once more', async () => {
    const accountId = await anAccount()
    const { webhook } = await store.create(accountId, aNewWebhook())
    await test.database.query("update webhooks set state = 'disabled', disabled_reason = 'gone' where id = $1", [
      webhook.id,
    ])

    expect((await store.update(accountId, webhook.id, { isActive: false }))?.webhook.disabledReason).toBe('gone')
  })

  it('leave a tombstone with a greater version, and no secret, when they are removed', async () => {
    const accountId = await anAccount()
    const { webhook } = await store.create(accountId, aNewWebhook())

    expect(await store.remove(accountId, webhook.id)).not.toBeNull()

    expect(await store.find(accountId, webhook.id)).toBeNull()
    expect(await lastChange()).toEqual({ kind: 'deleted', webhookId: webhook.id, version: 2 })
    expect(await test.database.query('select 1 from webhook_secrets where webhook_id = $1', [webhook.id])).toEqual([])
    expect(await store.remove(accountId, webhook.id)).toBeNull()
  })

  it('cannot be seen, changed or removed by another account', async () => {
    const [owner, stranger] = [await anAccount(), await anAccount()]
    const { webhook } = await store.create(owner, aNewWebhook())

    expect(await store.find(stranger, webhook.id)).toBeNull()
    expect(await store.list(stranger, { limit: 10 })).toEqual([])
    expect(await store.update(stranger, webhook.id, { name: 'mine' })).toBeNull()
    expect(await store.remove(stranger, webhook.id)).toBeNull()
    expect(await store.find(owner, webhook.id)).toEqual(webhook)
  })
})
