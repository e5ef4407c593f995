import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { WebhookRow } from '../configuration/webhook-row.js'
import { type TestDatabase, createTestDatabase } from '../test-database.testing.js'
import { DisableStore } from './disable-store.js'
import { HealthyAccount, aCommand, failedAt, succeededAt } from './healthy-account.testing.js'
import { NotificationStore } from './notification-store.js'
import { WarningStore } from './warning-store.js'

const LEASE_MS = 60_000

describe('notifications', () => {
  let test: TestDatabase
  let account: HealthyAccount
  let warnings: WarningStore
  let store: NotificationStore
  let webhook: WebhookRow
  let t: number
  beforeEach(async () => {
    test = await createTestDatabase()
    account = await HealthyAccount.on(test.database)
    warnings = new WarningStore(test.database)
    store = new NotificationStore(test.database)
    webhook = await account.webhook()
    t = webhook.createdAt.getTime() + 1
  })
  afterEach(() => test.close())

  it('warn of a streak that began long enough ago, once, however many look', async () => {
    await account.attempted(failedAt(webhook.id, t), failedAt(webhook.id, t + 1, { reason: 'timeout', response: null }))
    expect(await warnings.warn(t - 1)).toEqual({ warned: 0, isMore: false })

    const looks = await Promise.all([1, 2, 3].map(() => warnings.warn(t)))

    expect(looks.map(({ warned }) => warned).toSorted()).toEqual([0, 0, 1])
    await account.attempted(failedAt(webhook.id, t + 2))
    expect(await warnings.warn(t)).toMatchObject({ warned: 0 })
    expect(await store.claim(LEASE_MS)).toMatchObject({
      kind: 'failing',
      accountId: account.id,
      webhookId: webhook.id,
      email: 'owner@example.com',
      webhookExists: true,
      attempts: 1,
      evidence: {
        webhook: { name: 'My Webhook', url: 'https://example.com/webhook' },
        reason: null,
        streak: { failures: 2, since: t, lastFailureAt: t + 1, lastFailure: expect.stringContaining('5 seconds') },
      },
    })
  })

  it('are due until somebody has looked, whether or not the webhook is there to be warned of', async () => {
    const disabled = await account.webhook()
    const since = disabled.createdAt.getTime() + 1
    expect(await warnings.isAnyDue(since)).toBe(false)
    for (const { id } of [webhook, disabled]) await account.attempted(failedAt(id, since))
    await account.webhooks.update(account.id, disabled.id, { isActive: false })
    expect([await warnings.isAnyDue(since - 1), await warnings.isAnyDue(since)]).toEqual([false, true])

    expect(await warnings.warn(since)).toMatchObject({ warned: 1 })
    expect(await warnings.isAnyDue(since)).toBe(false)
  })

  it('warn again of the next streak', async () => {
    await account.attempted(failedAt(webhook.id, t))
    await warnings.warn(t)
    // Later than the warning, as it is when it happens: this one is given by the database.
    const later = Date.now() + 1_000
    await account.attempted(succeededAt(webhook.id, later))
    expect(await warnings.warn(later + 10)).toMatchObject({ warned: 0 })

    await account.attempted(failedAt(webhook.id, later + 1))
    expect(await warnings.warn(later + 10)).toMatchObject({ warned: 1 })
    expect(await warnings.warn(later + 10)).toMatchObject({ warned: 0 })
  })

  it('do not warn of webhooks that are disabled, deleted or have a new beginning', async () => {
    const [disabled, deleted, moved] = [await account.webhook(), await account.webhook(), await account.webhook()]
    const since = moved.createdAt.getTime() + 1
    for (const { id } of [disabled, deleted, moved]) await account.attempted(failedAt(id, since))
    await account.webhooks.update(account.id, disabled.id, { isActive: false })
    await account.webhooks.remove(account.id, deleted.id)
    await account.webhooks.update(account.id, moved.id, { url: 'https://example.com/b' })

    expect(await warnings.warn(since)).toMatchObject({ warned: 0 })
    expect(await store.pending()).toBe(0)
  })

  it('are claimed by one sender at a time, and again when it died', async () => {
    await new DisableStore(test.database, { afterAttempts: 1, afterMs: 1 }).follow(
      aCommand(webhook, { since: t, reason: 'gone' }),
    )
    const other = test.another()
    try {
      const claims = await Promise.all([store.claim(300), new NotificationStore(other).claim(300)])
      expect(claims.filter((claim) => claim !== undefined)).toHaveLength(1)
    } finally {
      await other.close()
    }
    await expect.poll(() => store.claim(LEASE_MS), { timeout: 5_000 }).toMatchObject({ kind: 'disabled', attempts: 2 })
  })

  it('wait after a failure, and are done with once they were sent', async () => {
    await account.attempted(failedAt(webhook.id, t))
    await warnings.warn(t)
    const claimed = await store.claim(LEASE_MS)
    await store.putOff(claimed!.id, new Date(Date.now() + LEASE_MS))
    expect(await store.claim(LEASE_MS)).toBeUndefined()
    expect(await store.pending()).toBe(1)

    await store.putOff(claimed!.id, new Date())
    expect(await store.claim(LEASE_MS)).toMatchObject({ id: claimed!.id, attempts: 2 })
    await store.settle(claimed!.id, true)
    expect(await store.pending()).toBe(0)
    await store.putOff(claimed!.id, new Date())
    expect(await store.claim(LEASE_MS)).toBeUndefined()
  })

  it('say when their webhook is gone', async () => {
    await account.attempted(failedAt(webhook.id, t))
    await warnings.warn(t)
    await account.webhooks.remove(account.id, webhook.id)
    expect(await store.claim(LEASE_MS)).toMatchObject({ kind: 'failing', webhookExists: false })
  })
})
