import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type DeliverableWebhook, type WebhookChange, newId } from '#domain'
import { type TestDatabase, createTestDatabase } from '../test-database.testing.js'
import { AccountStore } from './account-store.js'
import { OutboxStore } from './outbox-store.js'
import { WebhookStore } from './webhook-store.js'

type Change = WebhookChange<DeliverableWebhook>

describe('the outbox', () => {
  let test: TestDatabase
  let webhooks: WebhookStore
  let outbox: OutboxStore
  let accountId: string
  beforeAll(async () => {
    test = await createTestDatabase()
    webhooks = new WebhookStore(test.database)
    outbox = new OutboxStore(test.database)
  })
  beforeEach(async () => {
    await outbox.publishPending(async () => undefined)
    accountId = newId('acc')
    await new AccountStore(test.database).create({ id: accountId, name: 'Acme', email: 'owner@example.com' })
  })
  afterAll(() => test.close())

  function create() {
    const input = { name: 'n', url: 'https://example.com', events: ['context.created' as const], sealedSecret: 's' }
    return webhooks.create(accountId, { id: newId('whk'), ...input })
  }

  it('holds the changes of each webhook in the order of their versions, whoever wrote at once', async () => {
    const created = await Promise.all(Array.from({ length: 4 }, create))
    await Promise.all(
      created.flatMap(({ webhook }) =>
        Array.from({ length: 5 }, (_, i) => webhooks.update(accountId, webhook.id, { name: `name ${i}` })),
      ),
    )

    const published: Change[] = []
    await outbox.publishPending(async (changes) => void published.push(...changes))

    for (const { webhook } of created) {
      const versions = published.flatMap((change) =>
        change.kind === 'changed' && change.webhook.id === webhook.id ? [change.webhook.version] : [],
      )
      expect(versions).toEqual([1, 2, 3, 4, 5, 6])
    }
  })

  it('never shows a change while an earlier one may still be committed', async () => {
    const { webhook } = await create()
    const seen: number[] = []
    let writing = true
    const writers = Promise.all(
      Array.from({ length: 20 }, () => webhooks.update(accountId, webhook.id, { name: 'again' })),
    ).finally(() => (writing = false))

    while (writing) {
      await outbox.publishPending(async (changes) => {
        for (const change of changes) if (change.kind === 'changed') seen.push(change.webhook.version)
      })
    }
    await writers
    await outbox.publishPending(async (changes) => {
      for (const change of changes) if (change.kind === 'changed') seen.push(change.webhook.version)
    })

    expect(seen).toEqual(Array.from({ length: 21 }, (_, i) => i + 1))
  })

  it('is published by one relay at a time', async () => {
    const { outboxId } = await create()
    const other = test.another()
    try {
      const result = await outbox.publishPending(async () => {
        expect(await new OutboxStore(other).publishPending(neverCalled)).toBe('busy')
        expect(await new OutboxStore(other).isPublished(outboxId)).toBe(false)
      })

      expect(result).toBe('done')
      expect(await outbox.isPublished(outboxId)).toBe(true)
    } finally {
      await other.close()
    }
  })

  it('keeps what could not be published', async () => {
    const { outboxId, webhook } = await create()

    await expect(
      outbox.publishPending(async () => {
        throw new Error('Kafka is away')
      }),
    ).rejects.toThrow('Kafka is away')

    expect(await outbox.isPublished(outboxId)).toBe(false)
    const published: Change[] = []
    await outbox.publishPending(async (changes) => void published.push(...changes))
    expect(published).toMatchObject([{ webhook: { id: webhook.id } }])
  })

  it('lets another relay go on when one loses its connection while it publishes', async () => {
    const { outboxId } = await create()

    const lost = outbox.publishPending(async () => {
      await test.database.query(
        `select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory' and database =
           (select oid from pg_database where datname = current_database())`,
      )
    })

    await expect(lost).rejects.toThrow()
    expect(await outbox.publishPending(async () => undefined)).toBe('done')
    expect(await outbox.isPublished(outboxId)).toBe(true)
  })
})

function neverCalled(): Promise<void> {
  throw new Error('two relays published at once')
}
