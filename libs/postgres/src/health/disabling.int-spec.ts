import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { WebhookRow } from '../configuration/webhook-row.js'
import { type TestDatabase, createTestDatabase } from '../test-database.testing.js'
import { DisableStore } from './disable-store.js'
import { HealthyAccount, aCommand, failedAt, succeededAt } from './healthy-account.testing.js'

describe('following the command to disable a webhook', () => {
  let test: TestDatabase
  let account: HealthyAccount
  let store: DisableStore
  let webhook: WebhookRow
  let t: number
  beforeAll(async () => {
    test = await createTestDatabase()
    account = await HealthyAccount.on(test.database)
    store = new DisableStore(test.database, { afterAttempts: 10, afterMs: 1_000 })
  })
  afterAll(() => test.close())

  async function failing(): Promise<void> {
    webhook = await account.webhook()
    t = webhook.createdAt.getTime() + 1
    await account.attempted(failedAt(webhook.id, t))
  }

  const lastChanges = () =>
    test.database
      .query<{ change: string }>('select change from outbox where webhook_id = $1 order by id', [webhook.id])
      .then((rows) => rows.slice(1).map(({ change }) => JSON.parse(change).webhook))

  /** Those that go by mail. */
  const notifications = () =>
    test.database
      .query<{ kind: string; evidence: string }>(
        'select kind, evidence from notifications where webhook_id = $1 and next_attempt_at is not null order by id',
        [webhook.id],
      )
      .then((rows) => rows.map(({ kind, evidence }) => ({ kind, ...JSON.parse(evidence) })))

  it('changes the row, tells the workers and leaves one notification with the evidence', async () => {
    await failing()

    expect(await store.follow(aCommand(webhook, { since: t }))).toBe('disable')

    expect(await account.find(webhook)).toMatchObject({
      state: 'disabled',
      disabledReason: 'failing',
      failingSince: new Date(t),
      version: 2,
    })
    expect(await lastChanges()).toMatchObject([{ id: webhook.id, version: 2, isActive: false }])
    expect(await notifications()).toEqual([
      {
        kind: 'disabled',
        reason: 'failing',
        webhook: { name: 'My Webhook', url: 'https://example.com/webhook' },
        streak: { failures: 12, since: t, lastFailureAt: t + 9, lastFailure: expect.stringContaining('500') },
      },
    ])
  })

  it('is done once, however often and at whatever same time the command comes', async () => {
    await failing()
    const command = aCommand(webhook, { since: t })

    const verdicts = await Promise.all([1, 2, 3, 4].map(() => store.follow(command)))
    verdicts.push(await store.follow(command))

    expect(verdicts.toSorted()).toEqual(['disable', 'outdated', 'outdated', 'outdated', 'outdated'])
    expect(await notifications()).toHaveLength(1)
    expect(await lastChanges()).toHaveLength(1)
  })

  it('does nothing after the owner changed the webhook: the newer version is the answer', async () => {
    await failing()
    const command = aCommand(webhook, { since: t })
    await account.webhooks.update(account.id, webhook.id, { url: 'https://example.com/corrected' })

    expect(await store.follow(command)).toBe('outdated')

    expect(await account.find(webhook)).toMatchObject({ state: 'active', version: 2 })
    expect(await notifications()).toEqual([])
  })

  it('answers with a new version and no other change when a success is known after the streak began', async () => {
    await failing()
    await account.attempted(succeededAt(webhook.id, t + 5), failedAt(webhook.id, t + 6))
    const before = await account.find(webhook)

    expect(await store.follow(aCommand(webhook, { since: t }))).toBe('refuted')

    expect(await account.find(webhook)).toEqual({ ...before, version: 2 })
    expect(await lastChanges()).toMatchObject([{ version: 2, isActive: true, url: webhook.url }])
    expect(await notifications()).toEqual([])
  })

  it('answers also to a version that the database never gave', async () => {
    await failing()
    expect(await store.follow(aCommand({ ...webhook, version: 7 }, { since: t }))).toBe('refuted')
    expect(await lastChanges()).toMatchObject([{ version: 8, isActive: true }])
  })

  it('needs no streak for a 410, and ignores webhooks that are gone or of another account', async () => {
    await failing()
    await account.attempted(succeededAt(webhook.id, t + 5))
    const gone = aCommand(webhook, { since: t, reason: 'gone' })
    expect(await store.follow({ ...gone, accountId: 'acc_other' })).toBe('outdated')
    expect(await store.follow(gone)).toBe('disable')
    expect(await account.find(webhook)).toMatchObject({ state: 'disabled', disabledReason: 'gone' })

    await account.webhooks.remove(account.id, webhook.id)
    expect(await store.follow(gone)).toBe('outdated')
  })

  it('is taken back by the owner, who is told so once; what they did themselves they know', async () => {
    await failing()
    await store.follow(aCommand(webhook, { since: t }))
    await account.webhooks.update(account.id, webhook.id, { name: 'Renamed' })
    await account.webhooks.update(account.id, webhook.id, { isActive: true })
    await account.webhooks.update(account.id, webhook.id, { isActive: true })
    expect((await notifications()).map(({ kind, reason }) => [kind, reason])).toEqual([
      ['disabled', 'failing'],
      ['enabled', 'failing'],
    ])

    await account.webhooks.update(account.id, webhook.id, { isActive: false })
    await account.webhooks.update(account.id, webhook.id, { isActive: true })
    expect(await notifications()).toHaveLength(2)
  })
})
