import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { WebhookRow } from '../configuration/webhook-row.js'
import { type TestDatabase, createTestDatabase } from '../test-database.testing.js'
import { HealthyAccount, failedAt, succeededAt } from './healthy-account.testing.js'
import { NotificationStore } from './notification-store.js'
import { OperationalEventStore } from './operational-event-store.js'
import { WarningStore } from './warning-store.js'

const LEASE_MS = 60_000
const MANY = 100

describe('operational events', () => {
  let test: TestDatabase
  let account: HealthyAccount
  let store: OperationalEventStore
  let mails: NotificationStore
  let webhook: WebhookRow
  let t: number
  beforeEach(async () => {
    test = await createTestDatabase()
    account = await HealthyAccount.on(test.database)
    store = new OperationalEventStore(test.database)
    mails = new NotificationStore(test.database)
    webhook = await account.webhook()
    t = webhook.createdAt.getTime() + 1
  })
  afterEach(() => test.close())

  const set = (isActive: boolean) => account.webhooks.update(account.id, webhook.id, { isActive })

  it('tell of what the owner does, once per change, without a mail', async () => {
    for (const isActive of [false, false, true, true]) await set(isActive)
    expect(await store.claim(LEASE_MS, MANY)).toMatchObject([
      { kind: 'disabled', webhookId: webhook.id, accountId: account.id, evidence: { reason: 'owner', streak: null } },
      { kind: 'enabled', webhookId: webhook.id, evidence: { webhook: { name: webhook.name, url: webhook.url } } },
    ])
    expect(await mails.pending()).toBe(0)
  })

  it('are sent and done with beside their mail, which may still wait, and the other way round', async () => {
    await account.attempted(failedAt(webhook.id, t))
    await new WarningStore(test.database).warn(t)
    const [event] = await store.claim(LEASE_MS, MANY)
    expect(event).toMatchObject({ kind: 'failing', evidence: { streak: { since: t } } })
    await store.settle([event!.id])
    expect([await store.pending(), await mails.pending()]).toEqual([0, 1])

    const mail = await mails.claim(LEASE_MS)
    expect(mail).toMatchObject({ id: event!.id, kind: 'failing' })
    await mails.settle(mail!.id, true)
    expect([await store.pending(), await mails.pending()]).toEqual([0, 0])
  })

  it.each(['mail', 'event'] as const)('are not passed over by the %s while the other is claimed', async (way) => {
    await account.attempted(failedAt(webhook.id, t))
    await new WarningStore(test.database).warn(t)
    const claims = { mail: async () => [await mails.claim(LEASE_MS)], event: () => store.claim(LEASE_MS, MANY) }
    const other = test.another()
    try {
      const claimed = await other.transaction(async (session) => {
        await session.query('select id from notifications for update')
        let isAnswered = false
        const claim = claims[way]().finally(() => (isAnswered = true))
        const waiting = () => other.query('select 1 from pg_locks where not granted')
        await expect.poll(async () => isAnswered || (await waiting()).length > 0).toBe(true)
        return [claim]
      })
      expect(await claimed[0]).toMatchObject([{ kind: 'failing', webhookId: webhook.id }])
    } finally {
      await other.close()
    }
  })

  it('are claimed by one sender at a time, and again when it died, with the same number and time', async () => {
    await set(false)
    const other = test.another()
    try {
      const claims = await Promise.all([store.claim(300, MANY), new OperationalEventStore(other).claim(300, MANY)])
      const claimed = claims.flat()
      expect(claimed).toHaveLength(1)
      await expect.poll(() => store.claim(LEASE_MS, MANY), { timeout: 5_000 }).toEqual(claimed)
    } finally {
      await other.close()
    }
  })

  it('do not tell of a streak that only events about other webhooks have made: its owner hears of it by mail', async () => {
    const warnings = new WarningStore(test.database)
    // What failed before the last success says nothing about this streak.
    await account.attempted(failedAt(webhook.id, t), succeededAt(webhook.id, t + 1))
    await account.attempted(failedAt(webhook.id, t + 2, { eventType: 'webhook.failing' }))
    expect(await warnings.warn(t + 2)).toMatchObject({ warned: 1 })
    expect([await store.pending(), await mails.pending()]).toEqual([0, 1])

    const second = await account.webhook()
    const since = second.createdAt.getTime() + 1
    await account.attempted(failedAt(second.id, since, { eventType: 'webhook.failing' }))
    await account.attempted(failedAt(second.id, since + 1))
    expect(await warnings.warn(since)).toMatchObject({ warned: 1 })
    expect(await store.claim(LEASE_MS, MANY)).toMatchObject([{ kind: 'failing', webhookId: second.id }])
  })
})
