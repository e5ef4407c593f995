import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { newId } from '#domain'
import { type TestDatabase, createTestDatabase } from '../test-database.testing.js'
import { AccountStore } from './account-store.js'
import { ApiKeyStore, CHANGES, type ChangePosition } from './api-key-store.js'
import { UnknownAccount } from './refusals.js'

describe('API keys', () => {
  let test: TestDatabase
  let keys: ApiKeyStore
  beforeAll(async () => {
    test = await createTestDatabase()
    keys = new ApiKeyStore(test.database)
    await new AccountStore(test.database).create({ id: 'acc_1', name: 'Acme', email: 'owner@example.com' })
  })
  afterAll(() => test.close())

  function create(accountId: string | null, id = newId('key')) {
    return keys.create({ id, accountId, name: 'test', scopes: ['webhooks:read'], hash: `hash of ${id}` })
  }

  it('are active until they are revoked, which works once', async () => {
    const { id } = await create('acc_1')
    expect(await keys.activeKeys()).toContainEqual({
      id,
      accountId: 'acc_1',
      scopes: ['webhooks:read'],
      hash: `hash of ${id}`,
    })

    expect(await keys.revoke(id)).toBe(true)

    expect((await keys.activeKeys()).map((key) => key.id)).not.toContain(id)
    expect(await keys.revoke(id)).toBe(false)
    expect(await keys.revoke('key_none')).toBe(false)
  })

  it('belong to an account that exists, or to none', async () => {
    await expect(create('acc_none')).rejects.toThrow(UnknownAccount)

    expect((await create(null)).accountId).toBeNull()
  })

  it('are listed without their hashes', async () => {
    const row = await create('acc_1')

    const listed = (await keys.list('acc_1')).find((key) => key.id === row.id)

    expect(listed).toEqual(row)
    expect(Object.keys(row)).not.toContain('hash')
  })

  it('remember their last use, never an earlier one', async () => {
    const { id } = await create('acc_1')
    const untouched = await create('acc_1')

    await keys.touch([id], new Date(2_000))
    await keys.touch([id], new Date(1_000))

    const listed = new Map((await keys.list()).map((key) => [key.id, key.lastUsedAt]))
    expect(listed.get(id)).toEqual(new Date(2_000))
    expect(listed.get(untouched.id)).toBeNull()
  })

  it('remember it of more keys at once than one statement can name', async () => {
    const { id } = await create('acc_1')
    const unknown = Array.from({ length: 70_000 }, (_, n) => `key_unknown${n}`)

    await keys.touch([...unknown, id], new Date(3_000))

    expect((await keys.list()).find((key) => key.id === id)?.lastUsedAt).toEqual(new Date(3_000))
  })

  it('are made and revoked by the clock of Postgres, whatever ours says', async () => {
    const [clock] = await test.database.query<{ now: Date }>('select now()')
    vi.useFakeTimers({ toFake: ['Date'], now: new Date('2001-01-01T00:00:00Z') })
    const row = await create('acc_1').finally(() => vi.useRealTimers())
    await keys.revoke(row.id)

    const listed = (await keys.list()).find((key) => key.id === row.id)
    expect(row.createdAt.getTime()).toBeGreaterThanOrEqual(clock!.now.getTime())
    expect(listed?.createdAt).toEqual(row.createdAt)
    expect(listed?.revokedAt?.getTime()).toBeGreaterThanOrEqual(clock!.now.getTime())
  })

  it('are found by their hashes, revoked ones not, however many are asked for', async () => {
    const [known, revoked] = [await create('acc_1'), await create(null)]
    await keys.revoke(revoked.id)
    const unknown = Array.from({ length: 70_000 }, (_, n) => `hash of nothing ${n}`)

    const found = await keys.activeKeysWith([...unknown, `hash of ${known.id}`, `hash of ${revoked.id}`])

    expect(found).toEqual([
      { id: known.id, accountId: 'acc_1', scopes: ['webhooks:read'], hash: `hash of ${known.id}` },
    ])
    expect(await keys.activeKeysWith([])).toEqual([])
  })

  describe('and what changed of them', () => {
    const ids = (rows: { id: string }[]) => rows.map((row) => row.id)

    async function allChanges(from?: ChangePosition) {
      const all = { active: [] as string[], revoked: [] as string[], longest: 0, next: from }
      for (;;) {
        const { active, revoked, next, isLast } = await keys.changes(all.next)
        all.active.push(...ids(active))
        all.revoked.push(...ids(revoked))
        all.longest = Math.max(all.longest, active.length + revoked.length)
        all.next = next
        if (isLast) return all
      }
    }

    it('is told once more for a while: its transaction may have begun before a look and ended behind it', async () => {
      const id = newId('key')
      let next: ChangePosition | undefined
      await test.database.transaction(async (session) => {
        await session.query('insert into api_keys values ($1, null, $1, $2, $1, now(), null, null)', [id, []])
        const before = await allChanges()
        expect(before.active).not.toContain(id)
        next = before.next
      })

      expect((await allChanges(next)).active).toContain(id)
      await keys.revoke(id)

      const after = await allChanges(next)
      expect(after.active).not.toContain(id)
      expect(after.revoked).toContain(id)
      expect((await allChanges(after.next)).revoked).toContain(id)
    })

    it('is only what is new: of keys that were made long ago nothing is told until they are revoked', async () => {
      const { id } = await create('acc_1')
      await test.database.query(`update api_keys set created_at = now() - interval '1 hour' where id = $1`, [id])
      const { active, next } = await allChanges()
      expect(active).not.toContain(id)

      await keys.revoke(id)

      expect((await allChanges(next)).revoked).toContain(id)
    })

    it('comes in pages, also of keys that were made in one transaction, each of them once', async () => {
      await test.database.query(`
        insert into api_keys select 'key_many' || n, null, 'many', '{}', 'hash of many ' || n, now()
        from generate_series(1, 2500) as n`)

      const { active, longest } = await allChanges()

      expect(active.filter((id) => id.startsWith('key_many'))).toHaveLength(2_500)
      expect(new Set(active).size).toBe(active.length)
      expect(longest).toBeLessThanOrEqual(250)
    })

    it('is like all of them: read page by page in the order of their ids', async () => {
      const read: string[] = []
      let longest = 0
      for (let page = await keys.activeKeys(); page.length > 0; page = await keys.activeKeys(read.at(-1))) {
        read.push(...ids(page))
        longest = Math.max(longest, page.length)
      }

      const all = await test.database.query<{ id: string }>(
        'select id from api_keys where revoked_at is null order by id',
      )
      expect(read).toEqual(ids(all))
      expect(longest).toBeLessThanOrEqual(250)
    })

    it('is found by its index', async () => {
      const plan = await test.database.transaction(async (session) => {
        await session.query('set local enable_seqscan = off')
        return session.query<{ 'QUERY PLAN': string }>(`explain ${CHANGES.text}`, [new Date(), '', 10])
      })

      expect(plan.map((line) => line['QUERY PLAN']).join('\n')).toMatch(/Index Scan using api_keys_changes/)
      expect(plan.map((line) => line['QUERY PLAN']).join('\n')).not.toMatch(/Sort/)
    })
  })
})
