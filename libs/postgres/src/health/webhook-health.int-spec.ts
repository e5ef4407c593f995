import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type TestDatabase, createTestDatabase } from '../test-database.testing.js'
import { HealthyAccount, failedAt, succeededAt } from './healthy-account.testing.js'
import { StreakSnapshot } from './streak-snapshot.js'

describe('the health of a webhook', () => {
  let test: TestDatabase
  let account: HealthyAccount
  let t: number
  beforeAll(async () => {
    test = await createTestDatabase()
    account = await HealthyAccount.on(test.database)
  })
  afterAll(() => test.close())

  /** A webhook created just before `t`. */
  async function aWebhook(): Promise<{ id: string }> {
    const webhook = await account.webhook()
    t = webhook.createdAt.getTime() + 1
    return webhook
  }

  async function streakOf({ id }: { id: string }) {
    const running = await new StreakSnapshot(test.database).running()
    return running.find(({ webhookId }) => webhookId === id)?.streak
  }

  it('is failing from the first failure on, and active again with the next success', async () => {
    const webhook = await aWebhook()
    expect(await account.find(webhook)).toMatchObject({ state: 'active', failingSince: null })

    await account.attempted(failedAt(webhook.id, t), failedAt(webhook.id, t + 50))
    expect(await account.find(webhook)).toMatchObject({ state: 'failing', failingSince: new Date(t) })
    expect(await streakOf(webhook)).toEqual({ failures: 2, since: t, lastFailureAt: t + 50 })
    expect(await account.webhooks.list(account.id, { limit: 1 })).toMatchObject([{ id: webhook.id, state: 'failing' }])

    await account.attempted(succeededAt(webhook.id, t + 60))
    expect(await account.find(webhook)).toMatchObject({ state: 'active', failingSince: null, version: 1 })
    expect(await streakOf(webhook)).toBeUndefined()
  })

  it('counts a failure once, however often it is told, also in the same batch', async () => {
    const webhook = await aWebhook()
    const [first, second] = [failedAt(webhook.id, t), failedAt(webhook.id, t + 1)]
    await account.attempted(first, first)
    await account.attempted(first, second, second)
    await account.attempted(second)
    expect(await streakOf(webhook)).toEqual({ failures: 2, since: t, lastFailureAt: t + 1 })

    await account.attempted(succeededAt(webhook.id, t + 2))
    await account.attempted(first, second)
    expect(await streakOf(webhook)).toBeUndefined()
  })

  it('goes by the order in which attempts were started', async () => {
    const webhook = await aWebhook()
    await account.attempted(succeededAt(webhook.id, t + 10))
    await account.attempted(failedAt(webhook.id, t + 5))
    expect(await streakOf(webhook)).toBeUndefined()

    await account.attempted(failedAt(webhook.id, t + 20), failedAt(webhook.id, t + 30))
    await account.attempted(succeededAt(webhook.id, t + 25))
    expect(await streakOf(webhook)).toEqual({ failures: 1, since: t + 30, lastFailureAt: t + 30 })
  })

  it('is not touched by test sends', async () => {
    const webhook = await aWebhook()
    await account.attempted(failedAt(webhook.id, t, { trigger: 'test' }))
    expect(await streakOf(webhook)).toBeUndefined()
    await account.attempted(failedAt(webhook.id, t + 1))
    await account.attempted({ ...succeededAt(webhook.id, t + 2), trigger: 'test' })
    expect(await streakOf(webhook)).toMatchObject({ failures: 1 })
  })

  it('begins anew with a new URL, which attempts from before cannot spoil, and not with a new name', async () => {
    const webhook = await aWebhook()
    await account.attempted(failedAt(webhook.id, t))
    await account.webhooks.update(account.id, webhook.id, { name: 'Renamed' })
    expect(await account.find(webhook)).toMatchObject({ state: 'failing' })

    const moved = await account.webhooks.update(account.id, webhook.id, { url: 'https://example.com/corrected' })
    expect(moved?.webhook).toMatchObject({ state: 'active', failingSince: null })
    expect(await streakOf(webhook)).toBeUndefined()

    const changedAt = moved!.webhook.updatedAt.getTime()
    await account.attempted(failedAt(webhook.id, changedAt - 1))
    expect(await account.find(webhook)).toMatchObject({ state: 'active' })
    await account.attempted(failedAt(webhook.id, changedAt + 1))
    expect(await streakOf(webhook)).toEqual({ failures: 1, since: changedAt + 1, lastFailureAt: changedAt + 1 })
  })

  it('begins anew when the webhook is enabled again', async () => {
    const webhook = await aWebhook()
    await account.attempted(failedAt(webhook.id, t))
    await account.webhooks.update(account.id, webhook.id, { isActive: false })
    expect(await account.find(webhook)).toMatchObject({ state: 'disabled', failingSince: null })
    expect(await streakOf(webhook)).toBeUndefined()
    await account.webhooks.update(account.id, webhook.id, { isActive: true })
    expect(await account.find(webhook)).toMatchObject({ state: 'active', failingSince: null })
  })

  it('goes with the webhook, and late attempts at a deleted one hold nothing up', async () => {
    const [webhook, other] = [await aWebhook(), await aWebhook()]
    await account.attempted(failedAt(webhook.id, t))
    await account.webhooks.remove(account.id, webhook.id)

    await account.attempted(failedAt(webhook.id, t + 1), failedAt(other.id, t + 1))

    const rows = await test.database.query('select webhook_id from webhook_health where webhook_id = any($1)', [
      [webhook.id, other.id],
    ])
    expect(rows).toEqual([{ webhook_id: other.id }])
  })
})
