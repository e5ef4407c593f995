import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type DeliverableWebhook, newId } from '#domain'
import { type TestDatabase, createTestDatabase } from '../test-database.testing.js'
import { AccountStore } from './account-store.js'
import { ChangeWaiting, OverlapRunning } from './refusals.js'
import { SecretStore } from './secret-store.js'
import { WebhookStore } from './webhook-store.js'

const HOUR_MS = 3_600_000

describe('the secrets of a webhook', () => {
  let test: TestDatabase
  let webhooks: WebhookStore
  let store: SecretStore
  const accountId = newId('acc')
  beforeAll(async () => {
    test = await createTestDatabase()
    webhooks = new WebhookStore(test.database)
    store = new SecretStore(test.database)
    await new AccountStore(test.database).create({ id: accountId, name: 'Acme', email: 'owner@example.com' })
  })
  afterAll(() => test.close())

  async function aWebhook(): Promise<string> {
    const id = newId('whk')
    const named = { name: 'My Webhook', url: 'https://example.com/webhook', events: ['context.created' as const] }
    await webhooks.create(accountId, { id, ...named, sealedSecret: 'first' })
    return id
  }

  /** As the relay does. */
  async function published(id: string): Promise<void> {
    await test.database.query('delete from outbox where webhook_id = $1', [id])
  }

  async function rotate(id: string, sealed: string, overlapMs: number) {
    await published(id)
    const rotation = await store.rotate(accountId, id, sealed, overlapMs)
    if (!rotation) throw new Error('no such webhook')
    return rotation
  }

  /** What the workers are told of last. */
  async function announced(id: string): Promise<DeliverableWebhook> {
    const [row] = await test.database.query<{ change: string }>(
      'select change from outbox where webhook_id = $1 order by id desc limit 1',
      [id],
    )
    return (JSON.parse(row!.change) as { webhook: DeliverableWebhook }).webhook
  }

  async function stored(id: string): Promise<string[]> {
    const rows = await test.database.query<{ sealed: string }>(
      'select sealed from webhook_secrets where webhook_id = $1 order by id',
      [id],
    )
    return rows.map(({ sealed }) => sealed)
  }

  /** As if the time had passed. */
  async function overlapEnds(id: string): Promise<void> {
    await test.database.query(
      `update webhook_secrets set expires_at = now() - interval '1 ms' where webhook_id = $1 and expires_at is not null`,
      [id],
    )
  }

  it('are two while an overlap lasts, newest first, under a new version', async () => {
    const id = await aWebhook()
    const before = Date.now()

    const { previousExpiresAt } = await rotate(id, 'second', HOUR_MS)

    expect(previousExpiresAt.getTime() - before).toBeGreaterThanOrEqual(HOUR_MS)
    expect(await announced(id)).toMatchObject({
      version: 2,
      secrets: [
        { sealed: 'second', expiresAt: null },
        { sealed: 'first', expiresAt: previousExpiresAt.getTime() },
      ],
    })
    expect(await webhooks.find(accountId, id)).toMatchObject({ version: 2 })
  })

  it('are never three: a rotation during an overlap is refused and changes nothing', async () => {
    const id = await aWebhook()
    const { previousExpiresAt } = await rotate(id, 'second', HOUR_MS)

    await published(id)
    const refusal = await store.rotate(accountId, id, 'third', HOUR_MS).catch((error: unknown) => error)

    expect(refusal).toBeInstanceOf(OverlapRunning)
    expect((refusal as OverlapRunning).until).toEqual(previousExpiresAt)
    expect(await stored(id)).toEqual(['first', 'second'])
    expect(await webhooks.find(accountId, id)).toMatchObject({ version: 2 })
    expect(await test.database.query('select 1 from outbox where webhook_id = $1', [id])).toEqual([])
  })

  it('are one at once with an overlap of 0, also during an overlap', async () => {
    const id = await aWebhook()
    await rotate(id, 'second', HOUR_MS)

    await rotate(id, 'third', 0)

    expect(await announced(id)).toMatchObject({ version: 3, secrets: [{ sealed: 'third', expiresAt: null }] })
    expect(await stored(id)).toEqual(['third'])
  })

  it('whose overlap is over make room for the next rotation', async () => {
    const id = await aWebhook()
    await rotate(id, 'second', HOUR_MS)
    await overlapEnds(id)

    await rotate(id, 'third', HOUR_MS)

    expect(await stored(id)).toEqual(['second', 'third'])
    expect((await announced(id)).secrets.map(({ sealed }) => sealed)).toEqual(['third', 'second'])
  })

  it('whose overlap is over are gone with the next change of any kind', async () => {
    const id = await aWebhook()
    await rotate(id, 'second', HOUR_MS)
    await overlapEnds(id)

    await webhooks.update(accountId, id, { name: 'Renamed' })

    expect(await stored(id)).toEqual(['second'])
    expect((await announced(id)).secrets.map(({ sealed }) => sealed)).toEqual(['second'])
  })

  it.each([HOUR_MS, 0])('are those of before when a rotation with an overlap of %i ms is undone', async (overlapMs) => {
    const id = await aWebhook()
    if (overlapMs === 0) await rotate(id, 'second', HOUR_MS)
    const before = (await announced(id)).secrets
    const rotation = await rotate(id, 'never told', overlapMs)

    await store.undo(rotation)

    const after = await announced(id)
    expect(after.secrets).toEqual(before)
    expect(after.version).toBe((await webhooks.find(accountId, id))!.version)
    expect(await stored(id)).toEqual(before.map(({ sealed }) => sealed).reverse())
  })

  it('keep the seal that they were given meanwhile when a rotation is undone', async () => {
    const id = await aWebhook()
    const rotation = await rotate(id, 'never told', HOUR_MS)
    await test.database.query("update webhook_secrets set sealed = sealed || ' anew' where webhook_id = $1", [id])

    await store.undo(rotation)

    expect((await announced(id)).secrets).toEqual([{ sealed: 'first anew', expiresAt: null }])
  })

  it('stay as they are when the rotation that is undone was followed by another', async () => {
    const id = await aWebhook()
    const rotation = await rotate(id, 'second', HOUR_MS)
    await rotate(id, 'third', 0)

    await store.undo(rotation)

    expect(await stored(id)).toEqual(['third'])
  })

  it('stay as they are while an earlier change is not published: it may still be undone', async () => {
    const id = await aWebhook()
    const unconfirmed = await rotate(id, 'never told', 0)

    const refusal = await store.rotate(accountId, id, 'never told either', 0).catch((error: unknown) => error)

    expect(refusal).toEqual(new ChangeWaiting(unconfirmed.outboxId))
    await store.undo(unconfirmed)
    expect(await stored(id)).toEqual(['first'])
  })

  it('of another account are out of reach', async () => {
    const id = await aWebhook()
    expect(await store.rotate(newId('acc'), id, 'second', 0)).toBeNull()
    expect(await stored(id)).toEqual(['first'])
  })

  it('rotated twice at the same time become two, and one of the rotations is refused', async () => {
    const id = await aWebhook()
    await published(id)
    const at = (sealed: string) => store.rotate(accountId, id, sealed, HOUR_MS)
    const results = await Promise.allSettled([at('a'), at('b')])
    expect(results.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
    expect(await stored(id)).toHaveLength(2)
  })
})
