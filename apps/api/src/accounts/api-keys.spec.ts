import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { ActiveKey } from '#postgres'
import { ApiKeys } from './api-keys.js'
import { createKey, hashOfKey } from './key-format.js'

describe('the API keys in memory', () => {
  const key = createKey()
  const row: ActiveKey = { id: 'key_1', accountId: 'acc_1', scopes: ['webhooks:read'], hash: hashOfKey(key) }
  const store = { activeKeys: vi.fn<() => Promise<ActiveKey[]>>(), touch: vi.fn<() => Promise<void>>() }
  const logger = { info: vi.fn(), warn: vi.fn() }
  let keys: ApiKeys

  beforeEach(() => {
    vi.useFakeTimers()
    vi.resetAllMocks()
    store.activeKeys.mockResolvedValue([row])
    store.touch.mockResolvedValue()
    keys = new ApiKeys(store, logger)
  })
  afterEach(async () => {
    await keys.onApplicationShutdown()
    vi.useRealTimers()
  })

  it('tell whose a key is', async () => {
    await keys.onApplicationBootstrap()

    expect(keys.identify(key)).toEqual({
      keyId: 'key_1',
      accountId: 'acc_1',
      scopes: new Set(['webhooks:read']),
      isProducer: false,
    })
    expect(keys.identify(createKey())).toBeUndefined()
    expect(keys.identify('cfk_nonsense')).toBeUndefined()
  })

  it('are recognised by their whole hash, not by the half that they are found by', async () => {
    const half = row.hash.length / 2
    store.activeKeys.mockResolvedValue([{ ...row, hash: row.hash.slice(0, half) + '0'.repeat(half) }])
    await keys.onApplicationBootstrap()

    expect(keys.identify(key)).toBeUndefined()
  })

  it('are not looked for in the database when they are malformed', async () => {
    await keys.onApplicationBootstrap()
    store.activeKeys.mockClear()

    expect(await keys.identifyNew(`${key.slice(0, -1)}${key.endsWith('0') ? '1' : '0'}`)).toBeUndefined()
    expect(store.activeKeys).not.toHaveBeenCalled()
  })

  it('know a new key and forget a revoked one within two seconds', async () => {
    const another = createKey()
    await keys.onApplicationBootstrap()
    store.activeKeys.mockResolvedValue([{ ...row, id: 'key_2', accountId: null, hash: hashOfKey(another) }])

    await vi.advanceTimersByTimeAsync(2_000)

    expect(keys.identify(another)?.keyId).toBe('key_2')
    expect(keys.identify(key)).toBeUndefined()
  })

  it('know a key that was made a moment ago as soon as it is used, with one query for all who ask', async () => {
    const another = createKey()
    await keys.onApplicationBootstrap()
    store.activeKeys.mockClear()
    store.activeKeys.mockResolvedValue([row, { ...row, id: 'key_2', hash: hashOfKey(another) }])

    const asked = await Promise.all([1, 2, 3].map(() => keys.identifyNew(another)))

    expect(asked.map((caller) => caller?.keyId)).toEqual(['key_2', 'key_2', 'key_2'])
    expect(store.activeKeys).toHaveBeenCalledTimes(1)
  })

  it('say no to an unknown key while the database does not answer', async () => {
    await keys.onApplicationBootstrap()
    store.activeKeys.mockReturnValue(new Promise(() => {}))
    const asked = keys.identifyNew(createKey())

    await vi.advanceTimersByTimeAsync(1_000)

    expect(await asked).toBeUndefined()
    // Or the shutdown behind this test waits for the answer as well.
    keys = new ApiKeys(store, logger)
  })

  it('say no to an unknown key in the same time while a look is under way that is not answered', async () => {
    await keys.onApplicationBootstrap()
    store.activeKeys.mockReturnValue(new Promise(() => {}))
    void keys.refresh()
    const asked = keys.identifyNew(createKey())

    await vi.advanceTimersByTimeAsync(1_000)

    expect(await asked).toBeUndefined()
    keys = new ApiKeys(store, logger)
  })

  it('stay valid while the database is away, which is said once, and are refreshed when it is back', async () => {
    await keys.onApplicationBootstrap()
    store.activeKeys.mockRejectedValue(new Error('away'))
    await vi.advanceTimersByTimeAsync(60_000)

    expect(keys.identify(key)?.keyId).toBe('key_1')
    expect(logger.warn).toHaveBeenCalledTimes(1)

    store.activeKeys.mockResolvedValue([])
    await vi.advanceTimersByTimeAsync(2_000)

    expect(keys.identify(key)).toBeUndefined()
    expect(logger.info).toHaveBeenCalledTimes(1)
  })

  it('are not loaded until the database has answered once', async () => {
    store.activeKeys.mockRejectedValueOnce(new Error('away'))
    await keys.onApplicationBootstrap()
    expect(keys.isLoaded).toBe(false)

    await vi.advanceTimersByTimeAsync(2_000)

    expect(keys.isLoaded).toBe(true)
  })

  it('note the use of a key, once however often it was used, and not what was refused', async () => {
    await keys.onApplicationBootstrap()
    for (let i = 0; i < 5; i++) keys.identify(key)
    keys.identify(createKey())

    await vi.advanceTimersByTimeAsync(60_000)

    expect(store.touch.mock.calls).toEqual([[['key_1'], expect.any(Date)]])
  })

  it('note the use later when the database is away, and at the end', async () => {
    await keys.onApplicationBootstrap()
    keys.identify(key)
    store.touch.mockRejectedValueOnce(new Error('away'))
    await vi.advanceTimersByTimeAsync(10_000)
    expect(store.touch).toHaveBeenCalledTimes(1)

    await keys.onApplicationShutdown()

    expect(store.touch).toHaveBeenCalledTimes(2)
  })
})
