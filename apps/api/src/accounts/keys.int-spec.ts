import { afterAll, beforeAll, describe, expect, inject, it, vi } from 'vitest'
import { ApiKeyStore } from '#postgres'
import { TestApi } from '../http/test-api.testing.js'
import type { RunningApi } from '../start-api.js'

let api: TestApi
let replica: RunningApi | undefined

beforeAll(async () => {
  api = await TestApi.start({ kafkaBrokers: inject('kafkaBrokers'), databaseUrl: inject('databaseUrl') })
  replica = await api.replica()
})
afterAll(async () => {
  await replica?.stop()
  await api?.stop()
})

const statusAt = async (at: RunningApi, key: string) => (await api.ask('GET', '/v1/me', { key, at })).status

describe('a key, with two replicas of the API on one database', () => {
  it('works at each of them from the moment it was made', async () => {
    const { key } = await api.createKey(api.keys.accountId, ['webhooks:read'])
    expect(await Promise.all([api.running, replica!].map((at) => statusAt(at, key)))).toEqual([200, 200])
  })

  it('works at none of them two seconds after it was revoked, and for good', async () => {
    const { id, key } = await api.createKey(api.keys.accountId, ['webhooks:read'])
    const both = [api.running, replica!]
    expect(await Promise.all(both.map((at) => statusAt(at, key)))).toEqual([200, 200])

    await new ApiKeyStore(api.database).revoke(id)
    const revokedAt = Date.now()

    await vi.waitFor(async () => expect(await Promise.all(both.map((at) => statusAt(at, key)))).toEqual([401, 401]), {
      timeout: 10_000,
      interval: 20,
    })
    expect(Date.now() - revokedAt).toBeLessThan(2_000)
    expect(await Promise.all(both.map((at) => statusAt(at, key)))).toEqual([401, 401])
  })

  it('is listed with the time of its last use, whichever replica it was used at', async () => {
    const { id, key } = await api.createKey(api.keys.accountId, ['webhooks:read'])
    const lastUsedAt = async () => {
      const keys = await new ApiKeyStore(api.database).list(api.keys.accountId)
      return keys.find((each) => each.id === id)?.lastUsedAt
    }
    expect(await lastUsedAt()).toBeNull()
    const before = Date.now()
    await statusAt(replica!, key)

    // Noted at the latest when the replica ends.
    await replica!.stop()
    replica = undefined

    const noted = await lastUsedAt()
    expect(noted?.getTime()).toBeGreaterThanOrEqual(before - 1_000)
  })
})
