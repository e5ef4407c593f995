import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type DeliverableWebhook, newId } from '#domain'
import { type TestDatabase, createTestDatabase } from '../test-database.testing.js'
import { AccountStore } from './account-store.js'
import { ChangeWaiting } from './refusals.js'
import { type Reseal, type Resealed, SealStore } from './seal-store.js'
import { SecretStore } from './secret-store.js'
import { WebhookStore } from './webhook-store.js'

const HOUR_MS = 3_600_000

/** Stands for a seal: the key's id, and what is sealed. */
const seal = (keyId: string, content: string) => `v1.${keyId}.iv.${content}`
const reseal: Reseal = (_, sealed) => sealed.replace('.k1.', '.k2.')

describe('sealing secrets anew', () => {
  let test: TestDatabase
  let webhooks: WebhookStore
  let secrets: SecretStore
  let seals: SealStore
  const accountId = newId('acc')
  beforeEach(async () => {
    test = await createTestDatabase()
    webhooks = new WebhookStore(test.database)
    secrets = new SecretStore(test.database)
    seals = new SealStore(test.database)
    await new AccountStore(test.database).create({ id: accountId, name: 'Acme', email: 'owner@example.com' })
  })
  afterEach(() => test.close())

  async function aWebhook(sealed: string): Promise<string> {
    const id = newId('whk')
    const named = { name: 'n', url: 'https://example.com', events: ['context.created' as const] }
    await webhooks.create(accountId, { id, ...named, sealedSecret: sealed })
    return id
  }

  async function all(onBatch: (batch: Resealed) => void = () => undefined): Promise<void> {
    for (let last: string | null = ''; last !== null;) {
      const batch: Resealed = await seals.reseal('k2', last, 2, reseal)
      onBatch(batch)
      last = batch.last
    }
  }

  /** Behind what was changed before, which is published as the relay does it. */
  async function rotate(id: string, sealed: string): Promise<void> {
    for (;;) {
      await test.database.query('delete from outbox where webhook_id = $1', [id])
      try {
        await secrets.rotate(accountId, id, sealed, HOUR_MS)
        return
      } catch (error) {
        if (!(error instanceof ChangeWaiting)) throw error
      }
    }
  }

  /** What the workers are told last of each webhook. */
  async function announced(): Promise<DeliverableWebhook[]> {
    const rows = await test.database.query<{ change: string }>(
      'select distinct on (webhook_id) change from outbox order by webhook_id, id desc',
    )
    return rows.map(({ change }) => (JSON.parse(change) as { webhook: DeliverableWebhook }).webhook)
  }

  it('brings all under the newest key, in batches, and announces each webhook once', async () => {
    const ids: string[] = []
    for (let i = 0; i < 5; i++) ids.push(await aWebhook(seal('k1', `secret ${i}`)))
    await aWebhook(seal('k2', 'new already'))
    await rotate(ids[0]!, seal('k1', 'second'))
    const before = await webhooks.find(accountId, ids[0]!)
    const batches: Resealed[] = []

    await all((batch) => batches.push(batch))

    expect(batches.map(({ secrets }) => secrets).reduce((a, b) => a + b)).toBe(6)
    expect(batches).toHaveLength(4)
    expect(await seals.countByKey()).toEqual(new Map([['k2', 7]]))
    const told = await announced()
    expect(told.flatMap(({ secrets }) => secrets.map(({ sealed }) => sealed.split('.')[1]))).toEqual(
      Array(7).fill('k2'),
    )
    expect(told.find(({ id }) => id === ids[0])).toMatchObject({
      version: 3,
      secrets: [
        { sealed: seal('k2', 'second'), expiresAt: null },
        { sealed: seal('k2', 'secret 0'), expiresAt: expect.any(Number) },
      ],
    })
    // Nothing that its owner sees has changed.
    expect(await webhooks.find(accountId, ids[0]!)).toEqual({ ...before, version: 3 })
    await all(({ secrets, outboxId }) => expect([secrets, outboxId]).toEqual([0, null]))
  })

  it('leaves alone what cannot be opened, and goes on with the others', async () => {
    const lost = await aWebhook(seal('k0', 'lost'))
    const fine = await aWebhook(seal('k1', 'fine'))
    const openable: Reseal = (id, sealed) => (sealed.includes('.k0.') ? null : reseal(id, sealed))

    expect(await seals.reseal('k2', '', 10, openable)).toMatchObject({ secrets: 1, unreadable: [lost] })

    expect(await seals.countByKey()).toEqual(
      new Map([
        ['k0', 1],
        ['k2', 1],
      ]),
    )
    expect((await announced()).map(({ id, version }) => [id, version])).toEqual(
      [
        [lost, 1],
        [fine, 2],
      ].toSorted(([a], [b]) => (a! < b! ? -1 : 1)),
    )
  })

  it('loses to no rotation at the same time, and no rotation to it', async () => {
    const ids = await Promise.all(Array.from({ length: 8 }, (_, i) => aWebhook(seal('k1', `old ${i}`))))

    await Promise.all([
      all(),
      ...ids.map((id, i) => rotate(id, seal('k2', `new ${i}`))),
      ...ids.slice(4).map((id) => webhooks.update(accountId, id, { name: 'renamed' })),
    ])
    // Whatever a rotation brought back behind the pass is found by the next one.
    await all()

    const told = await announced()
    for (const [i, id] of ids.entries()) {
      expect(told.find((each) => each.id === id)).toMatchObject({
        secrets: [{ sealed: seal('k2', `new ${i}`) }, { sealed: seal('k2', `old ${i}`) }],
        version: (await webhooks.find(accountId, id))!.version,
      })
    }
  })

  it('does not write over what came into the row meanwhile, by whatever hand', async () => {
    const id = await aWebhook(seal('k1', 'old'))
    const other = test.another()
    let isWritten: Promise<unknown> = Promise.resolve()
    try {
      // A statement that takes no turn, as a person's would, committed between reading and writing.
      const meddling = async () => {
        await other.query('update webhook_secrets set sealed = $1', [seal('k1', 'by hand')])
      }
      const original = test.database.ormTransaction.bind(test.database)
      test.database.ormTransaction = (work) =>
        original(async (manager) => {
          const update = manager.update.bind(manager)
          manager.update = async (...args: Parameters<typeof update>) => {
            await (isWritten = meddling())
            manager.update = update
            return update(...args)
          }
          return work(manager)
        })

      expect(await seals.reseal('k2', '', 10, reseal)).toMatchObject({ secrets: 0, outboxId: null })

      await isWritten
      test.database.ormTransaction = original
      expect(await seals.reseal('k2', '', 10, reseal)).toMatchObject({ secrets: 1 })
      expect((await announced()).find((each) => each.id === id)?.secrets).toMatchObject([
        { sealed: seal('k2', 'by hand') },
      ])
    } finally {
      await other.close()
    }
  })

  it('does not carry over a secret whose overlap is over', async () => {
    const id = await aWebhook(seal('k1', 'old'))
    await rotate(id, seal('k2', 'new'))
    await test.database.query(
      "update webhook_secrets set expires_at = now() - interval '1 ms' where expires_at is not null",
    )

    await all()

    expect(await seals.countByKey()).toEqual(new Map([['k2', 1]]))
  })
})
