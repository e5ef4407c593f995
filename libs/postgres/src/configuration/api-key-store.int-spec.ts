import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { newId } from '#domain'
import { type TestDatabase, createTestDatabase } from '../test-database.testing.js'
import { AccountStore } from './account-store.js'
import { ApiKeyStore } from './api-key-store.js'
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
})
