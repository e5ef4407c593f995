import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type TestDatabase, createTestDatabase } from '../test-database.testing.js'
import { AccountStore } from './account-store.js'
import { WebhookSnapshot } from './webhook-snapshot.js'
import { WebhookStore } from './webhook-store.js'

describe('the snapshot of all webhooks', () => {
  let test: TestDatabase
  beforeAll(async () => {
    test = await createTestDatabase()
    const webhooks = new WebhookStore(test.database)
    for (const accountId of ['acc_1', 'acc_2']) {
      await new AccountStore(test.database).create({ id: accountId, name: 'Acme', email: 'owner@example.com' })
      await webhooks.create(accountId, {
        id: `whk_of_${accountId}`,
        name: 'n',
        url: `https://${accountId}.example`,
        events: ['context.created'],
        sealedSecret: `old of ${accountId}`,
      })
    }
    await webhooks.update('acc_2', 'whk_of_acc_2', { isActive: false })
    await test.database.query(
      `update webhook_secrets set expires_at = now() + interval '1 hour' where webhook_id = 'whk_of_acc_1'`,
    )
    await test.database.query(
      `insert into webhook_secrets (webhook_id, sealed, expires_at, created_at) values
         ('whk_of_acc_1', 'over', now() - interval '1 second', now()), ('whk_of_acc_1', 'new', null, now())`,
    )
  })
  afterAll(() => test.close())

  it('gives fan-out what decides a match, and neither URL nor secret', async () => {
    const rows = await new WebhookSnapshot(test.database).subscribed()

    expect(rows.sort((a, b) => (a.id < b.id ? -1 : 1))).toEqual([
      {
        id: 'whk_of_acc_1',
        accountId: 'acc_1',
        version: 1,
        events: ['context.created'],
        isActive: true,
        createdAt: expect.any(Number),
      },
      {
        id: 'whk_of_acc_2',
        accountId: 'acc_2',
        version: 2,
        events: ['context.created'],
        isActive: false,
        createdAt: expect.any(Number),
      },
    ])
    expect(Math.abs(rows[0]!.createdAt - Date.now())).toBeLessThan(60_000)
  })

  it('gives the dispatcher the URL and the secrets that are valid, newest first', async () => {
    const rows = await new WebhookSnapshot(test.database).deliverable()

    const first = rows.find((row) => row.id === 'whk_of_acc_1')
    expect(first).toMatchObject({ url: 'https://acc_1.example', version: 1 })
    expect(first?.secrets).toEqual([
      { sealed: 'new', expiresAt: null },
      { sealed: 'old of acc_1', expiresAt: expect.any(Number) },
    ])
  })
})
