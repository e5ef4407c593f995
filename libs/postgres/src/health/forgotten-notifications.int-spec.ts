import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { WebhookRow } from '../configuration/webhook-row.js'
import { type TestDatabase, createTestDatabase } from '../test-database.testing.js'
import { DisableStore } from './disable-store.js'
import { HealthyAccount, aCommand, failedAt } from './healthy-account.testing.js'
import { NotificationStore } from './notification-store.js'
import { OperationalEventStore } from './operational-event-store.js'
import { WarningStore } from './warning-store.js'

const LEASE_MS = 60_000
const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
const MANY = 100

describe('forgetting notifications', () => {
  let test: TestDatabase
  let account: HealthyAccount
  let store: NotificationStore
  let events: OperationalEventStore
  let warnings: WarningStore
  let webhook: WebhookRow
  let t: number
  beforeEach(async () => {
    test = await createTestDatabase()
    account = await HealthyAccount.on(test.database)
    store = new NotificationStore(test.database)
    events = new OperationalEventStore(test.database)
    warnings = new WarningStore(test.database)
    webhook = await account.webhook()
    t = webhook.createdAt.getTime() + 1
  })
  afterEach(() => test.close())

  const count = async () => (await test.database.query('select 1 from notifications')).length
  const age = (ms: number) =>
    test.database.query("update notifications set created_at = created_at - $1::float8 * interval '1 ms'", [ms])
  const sendMail = async () => store.settle((await store.claim(LEASE_MS))!.id, true)
  const sendEvents = async () => events.settle((await events.claim(LEASE_MS, MANY)).map(({ id }) => id))

  it('leaves those whose mail or event still waits, and those that are young', async () => {
    await account.attempted(failedAt(webhook.id, t))
    await warnings.warn(t)
    await age(31 * DAY_MS)
    expect(await store.forgetDone(30 * DAY_MS)).toBe(0)
    await sendMail()
    expect(await store.forgetDone(30 * DAY_MS)).toBe(0)
    await sendEvents()
    await account.webhooks.update(account.id, webhook.id, { isActive: false })
    await sendEvents()

    expect(await store.forgetDone(30 * DAY_MS)).toBe(1)

    expect(await test.database.query('select kind from notifications')).toEqual([{ kind: 'disabled' }])
  })

  it('goes on, in portions, until all are forgotten, also when two replicas do it', async () => {
    await test.database.query(
      `insert into notifications (account_id, webhook_id, kind, evidence, created_at)
       select $1, $2, 'disabled', '{}', now() - interval '31 days' from generate_series(1, 2500)`,
      [account.id, webhook.id],
    )
    const other = test.another()
    try {
      const replicas = [store, new NotificationStore(other)]
      const forgotten = await Promise.all(replicas.map((each) => each.forgetDone(30 * DAY_MS)))
      expect(forgotten[0]! + forgotten[1]!).toBe(2_500)
    } finally {
      await other.close()
    }
    expect(await count()).toBe(0)
  })

  it('leads to no second warning of a streak that goes on, nor to a second disabling', async () => {
    await account.attempted(failedAt(webhook.id, t))
    await warnings.warn(t)
    await sendMail()
    const command = aCommand(webhook, { since: t })
    const disabling = new DisableStore(test.database, { afterAttempts: 1, afterMs: 1 })
    expect(await disabling.follow(command)).toBe('disable')
    await sendMail()
    await sendEvents()
    await age(31 * DAY_MS)
    expect(await store.forgetDone(30 * DAY_MS)).toBe(2)

    await account.attempted(failedAt(webhook.id, t + 1))
    expect(await warnings.warn(t + 1)).toMatchObject({ warned: 0 })
    expect(await disabling.follow(command)).toBe('outdated')
    expect(await count()).toBe(0)
  })

  it('takes what is left of a deleted webhook, whose mail is never sent', async () => {
    await account.attempted(failedAt(webhook.id, t))
    await warnings.warn(t)
    await account.webhooks.remove(account.id, webhook.id)
    const claimed = await store.claim(LEASE_MS)
    expect(claimed).toMatchObject({ webhookExists: false })
    await store.settle(claimed!.id, false)
    await sendEvents()
    await age(31 * DAY_MS)

    expect(await store.forgetDone(30 * DAY_MS)).toBe(1)
  })

  it('keeps for an hour what the bound of mails counts, however short the retention', async () => {
    await account.attempted(failedAt(webhook.id, t))
    await warnings.warn(t)
    await sendMail()
    await sendEvents()
    await age(2_000)
    expect(await store.forgetDone(1_000)).toBe(0)
    await age(HOUR_MS)
    expect(await store.forgetDone(1_000)).toBe(1)
  })
})
