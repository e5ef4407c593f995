import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { WebhookRow } from '../configuration/webhook-row.js'
import type { Database } from '../database.js'
import { type TestDatabase, createTestDatabase } from '../test-database.testing.js'
import { DisableStore } from './disable-store.js'
import { HealthyAccount, aCommand, failedAt } from './healthy-account.testing.js'
import { NotificationStore } from './notification-store.js'
import { OperationalEventStore } from './operational-event-store.js'
import { WarningStore } from './warning-store.js'

const LEASE_MS = 60_000
const MOST_PER_HOUR = 20
const RULE = { afterAttempts: 1, afterMs: 1 }

describe('the mails of one account', () => {
  let test: TestDatabase
  let account: HealthyAccount
  let store: NotificationStore
  let events: OperationalEventStore
  let webhook: WebhookRow
  beforeEach(async () => {
    test = await createTestDatabase()
    account = await HealthyAccount.on(test.database)
    store = new NotificationStore(test.database)
    events = new OperationalEventStore(test.database)
    webhook = await account.webhook()
  })
  afterEach(() => test.close())

  const goneAt = async (of: HealthyAccount, { id }: WebhookRow, database: Database = test.database) => {
    const command = aCommand(await of.find({ id }), { since: Date.now(), reason: 'gone' })
    return new DisableStore(database, RULE).follow(command)
  }

  /** Each leaves two: it was disabled, and it is enabled again. */
  async function cycles(count: number): Promise<void> {
    for (let i = 0; i < count; i++) {
      expect(await goneAt(account, webhook)).toBe('disable')
      await account.webhooks.update(account.id, webhook.id, { isActive: true })
    }
  }

  it('are twenty an hour at most: the rest is told as events, and other accounts get theirs', async () => {
    await cycles(MOST_PER_HOUR / 2 + 3)
    expect([await store.pending(), await events.pending()]).toEqual([MOST_PER_HOUR, MOST_PER_HOUR + 6])

    const other = await HealthyAccount.on(test.database)
    await goneAt(other, await other.webhook())
    expect(await store.pending()).toBe(MOST_PER_HOUR + 1)
  })

  const settleAll = async (wereSent: boolean) => {
    for (let claimed = await store.claim(LEASE_MS); claimed; claimed = await store.claim(LEASE_MS)) {
      await store.settle(claimed.id, wereSent)
    }
  }

  it('do not count when nobody was left to be told', async () => {
    await cycles(MOST_PER_HOUR / 2)
    await settleAll(false)
    await cycles(1)
    expect(await store.pending()).toBe(2)
  })

  it('count also when they were sent, and no longer when an hour has passed', async () => {
    await cycles(MOST_PER_HOUR / 2)
    await settleAll(true)
    await cycles(1)
    expect(await store.pending()).toBe(0)

    await test.database.query("update notifications set created_at = created_at - interval '1 hour'")
    await cycles(1)
    expect(await store.pending()).toBe(2)
  })

  it('are not used up by what is told without one', async () => {
    for (let i = 0; i < MOST_PER_HOUR; i++) {
      await account.webhooks.update(account.id, webhook.id, { isActive: i % 2 === 1 })
    }
    await cycles(1)
    expect(await store.pending()).toBe(2)
  })

  it('are bounded among the warnings of one pass, too', async () => {
    const failing = [webhook]
    while (failing.length < MOST_PER_HOUR + 5) failing.push(await account.webhook())
    const since = failing.at(-1)!.createdAt.getTime() + 1
    await account.attempted(...failing.map(({ id }) => failedAt(id, since)))

    expect(await new WarningStore(test.database).warn(since)).toMatchObject({ warned: MOST_PER_HOUR + 5 })

    expect([await store.pending(), await events.pending()]).toEqual([MOST_PER_HOUR, MOST_PER_HOUR + 5])
  })

  it('are bounded through all replicas together', async () => {
    const webhooks = [webhook]
    while (webhooks.length < MOST_PER_HOUR * 2) webhooks.push(await account.webhook())
    const other = test.another()
    try {
      const databases = [test.database, other]
      const verdicts = await Promise.all(webhooks.map((each, i) => goneAt(account, each, databases[i % 2])))
      expect(verdicts.every((verdict) => verdict === 'disable')).toBe(true)
    } finally {
      await other.close()
    }
    expect([await store.pending(), await events.pending()]).toEqual([MOST_PER_HOUR, MOST_PER_HOUR * 2])
  })

  it('are found withheld once, by account, whoever looks', async () => {
    await cycles(MOST_PER_HOUR / 2)
    expect(await store.takeWithheld()).toEqual([])
    await cycles(2)
    const other = test.another()
    try {
      const looks = await Promise.all([store.takeWithheld(), new NotificationStore(other).takeWithheld()])
      expect(new Set(looks.flat().map(({ accountId }) => accountId))).toEqual(new Set([account.id]))
      expect(looks.flat().reduce((sum, { count }) => sum + count, 0)).toBe(4)
    } finally {
      await other.close()
    }
    expect(await store.takeWithheld()).toEqual([])
  })

  it('end with one that is known to be the last', async () => {
    await cycles(MOST_PER_HOUR / 2 + 1)
    const known: boolean[] = []
    for (let claimed = await store.claim(LEASE_MS); claimed; claimed = await store.claim(LEASE_MS)) {
      known.push(claimed.isLastForNow)
    }
    expect(known).toEqual([...Array.from({ length: MOST_PER_HOUR - 1 }, () => false), true])
  })

  it('do not keep the news of others waiting when they are tried again and again', async () => {
    await cycles(1)
    const tried = [await store.claim(LEASE_MS), await store.claim(LEASE_MS)]
    for (const mail of tried) await store.putOff(mail!.id, new Date(Date.now() - 1_000))
    const other = await HealthyAccount.on(test.database)
    await goneAt(other, await other.webhook())
    expect(await store.claim(LEASE_MS)).toMatchObject({ accountId: other.id })
  })
})
