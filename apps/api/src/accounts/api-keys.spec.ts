import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { ActiveKey, ApiKeyStore } from '#postgres'
import { ApiKeys } from './api-keys.js'
import { createKey, hashOfKey } from './key-format.js'

describe('the API keys in memory', () => {
  const key = createKey()
  const row: ActiveKey = { id: 'key_1', accountId: 'acc_1', scopes: ['webhooks:read'], hash: hashOfKey(key) }
  const store = {
    activeKeys: vi.fn<ApiKeyStore['activeKeys']>(),
    activeKeysWith: vi.fn<ApiKeyStore['activeKeysWith']>(),
    changes: vi.fn<ApiKeyStore['changes']>(),
    touch: vi.fn<ApiKeyStore['touch']>(),
  }
  const next = { at: new Date(0), id: '' }
  const noChanges = { active: [], revoked: [], next, isLast: true }
  const logger = { info: vi.fn(), warn: vi.fn(), error: vi.fn() }
  let keys: ApiKeys

  beforeEach(() => {
    vi.useFakeTimers()
    vi.resetAllMocks()
    holds(row)
    store.activeKeysWith.mockResolvedValue([])
    store.changes.mockResolvedValue(noChanges)
    store.touch.mockResolvedValue()
    keys = new ApiKeys(store, logger)
  })
  afterEach(async () => {
    await keys.onApplicationShutdown()
    vi.useRealTimers()
  })

  it('end with the page at hand when they are shut down', async () => {
    let answer: (rows: ActiveKey[]) => void = () => {}
    store.activeKeys.mockImplementation(() => new Promise((resolve) => (answer = resolve)))
    const starting = keys.onApplicationBootstrap()
    await vi.waitFor(() => expect(store.activeKeys).toHaveBeenCalledOnce())
    const ended = keys.onApplicationShutdown()
    answer([row])
    await Promise.all([starting, ended])
    expect(store.activeKeys).toHaveBeenCalledOnce()
  })

  /** What all pages together say; two keys to a page. */
  function holds(...rows: ActiveKey[]) {
    store.activeKeys.mockImplementation((after = '') =>
      Promise.resolve(rows.filter(({ id }) => id > after).slice(0, 2)),
    )
  }

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
    holds({ ...row, hash: row.hash.slice(0, half) + '0'.repeat(half) })
    await keys.onApplicationBootstrap()

    expect(keys.identify(key)).toBeUndefined()
  })

  it('are not looked for in the database when they are malformed', async () => {
    await keys.onApplicationBootstrap()
    const questions = [store.activeKeys, store.activeKeysWith, store.changes]
    for (const question of questions) question.mockClear()

    expect(await keys.identifyNew(`${key.slice(0, -1)}${key.endsWith('0') ? '1' : '0'}`)).toBeUndefined()
    for (const question of questions) expect(question).not.toHaveBeenCalled()
  })

  it('know a new key and forget a revoked one within two seconds', async () => {
    const another = createKey()
    await keys.onApplicationBootstrap()
    const made = { ...row, id: 'key_2', accountId: null, hash: hashOfKey(another) }
    store.changes.mockResolvedValue({ ...noChanges, active: [made], revoked: [row] })

    await vi.advanceTimersByTimeAsync(2_000)

    expect(keys.identify(another)?.keyId).toBe('key_2')
    expect(keys.identify(key)).toBeUndefined()
  })

  it('know a key that was made a moment ago as soon as it is used, with one query for all who ask', async () => {
    const another = createKey()
    await keys.onApplicationBootstrap()
    store.activeKeysWith.mockResolvedValue([{ ...row, id: 'key_2', hash: hashOfKey(another) }])

    const asked = await Promise.all([1, 2, 3].map(() => keys.identifyNew(another)))

    expect(asked.map((caller) => caller?.keyId)).toEqual(['key_2', 'key_2', 'key_2'])
    expect(store.activeKeysWith).toHaveBeenCalledTimes(1)
  })

  it('are looked for by nothing but the hash when they are unknown, all that come meanwhile with one more query', async () => {
    await keys.onApplicationBootstrap()
    const [pages, looks] = [store.activeKeys.mock.calls.length, store.changes.mock.calls.length]
    const unknown = Array.from({ length: 20 }, () => createKey())
    let answer = () => {}
    store.activeKeysWith.mockReturnValueOnce(new Promise((resolve) => (answer = () => resolve([]))))

    const first = keys.identifyNew(unknown[0]!)
    await vi.advanceTimersByTimeAsync(0)
    const others = unknown.map((each) => keys.identifyNew(each))
    await vi.advanceTimersByTimeAsync(0)
    answer()

    expect(await Promise.all([first, ...others])).toEqual(Array(21).fill(undefined))
    expect(store.activeKeysWith.mock.calls).toEqual([[[hashOfKey(unknown[0]!)]], [unknown.map(hashOfKey)]])
    expect([store.activeKeys.mock.calls.length, store.changes.mock.calls.length]).toEqual([pages, looks])
  })

  it('stay known once they were looked for, and are refused as soon as they are revoked', async () => {
    const another = { ...row, id: 'key_2', hash: hashOfKey(createKey()) }
    const made = createKey()
    await keys.onApplicationBootstrap()
    store.activeKeysWith.mockResolvedValue([{ ...another, hash: hashOfKey(made) }])
    await keys.identifyNew(made)
    await vi.advanceTimersByTimeAsync(10_000)
    expect(keys.identify(made)?.keyId).toBe('key_2')

    store.changes.mockResolvedValue({ ...noChanges, revoked: [{ ...another, hash: hashOfKey(made) }] })
    await vi.advanceTimersByTimeAsync(2_000)

    expect(keys.identify(made)).toBeUndefined()
  })

  it('do not come back by an answer that is older than their revocation', async () => {
    const made = createKey()
    const another = { ...row, id: 'key_2', hash: hashOfKey(made) }
    await keys.onApplicationBootstrap()
    let answer = () => {}
    store.activeKeysWith.mockReturnValueOnce(new Promise((resolve) => (answer = () => resolve([another]))))
    const asked = keys.identifyNew(made)
    store.changes.mockResolvedValue({ ...noChanges, revoked: [another] })
    const refreshed = keys.refresh()
    await vi.advanceTimersByTimeAsync(0)

    answer()
    await Promise.all([asked, refreshed])

    expect(keys.identify(made)).toBeUndefined()
  })

  it('are asked for by what changed, page by page and each time from where the last look ended', async () => {
    const [first, second] = [createKey(), createKey()]
    const within = { at: new Date(5), id: 'key_2' }
    const behind = { at: new Date(9), id: '' }
    await keys.onApplicationBootstrap()
    store.changes.mockClear()
    const made = (id: string, of: string) => [{ ...row, id, hash: hashOfKey(of) }]
    store.changes
      .mockResolvedValueOnce({ active: made('key_2', first), revoked: [], next: within, isLast: false })
      .mockResolvedValueOnce({ active: made('key_3', second), revoked: [], next: behind, isLast: true })

    await vi.advanceTimersByTimeAsync(3_000)

    expect([first, second].map((each) => keys.identify(each)?.keyId)).toEqual(['key_2', 'key_3'])
    expect(store.changes.mock.calls).toEqual([[next], [within], [behind]])
  })

  it('are read in full once a minute, page by page, and then forget what was deleted or changed by hand', async () => {
    const [changed, third] = [createKey(), createKey()]
    const rows = [
      row,
      { ...row, id: 'key_2', hash: hashOfKey(changed) },
      { ...row, id: 'key_3', hash: hashOfKey(third) },
    ]
    holds(...rows)
    await keys.onApplicationBootstrap()
    expect(store.activeKeys.mock.calls).toEqual([[''], ['key_2'], ['key_3']])

    holds({ ...rows[1]!, scopes: ['events:write'] }, rows[2]!)
    await vi.advanceTimersByTimeAsync(57_000)
    expect(store.activeKeys).toHaveBeenCalledTimes(3)
    expect(keys.identify(key)?.keyId).toBe('key_1')
    await vi.advanceTimersByTimeAsync(5_000)

    expect(keys.identify(key)).toBeUndefined()
    expect(keys.identify(changed)).toMatchObject({ keyId: 'key_2', isProducer: true })
    expect(keys.identify(third)?.keyId).toBe('key_3')
    expect(store.activeKeys).toHaveBeenCalledTimes(5)
  })

  it('are kept although no page had them when they were made while all were read', async () => {
    const made = createKey()
    await keys.onApplicationBootstrap()
    let answer = () => {}
    store.activeKeys.mockReturnValueOnce(new Promise((resolve) => (answer = () => resolve([row]))))
    await vi.advanceTimersByTimeAsync(61_000)
    store.activeKeysWith.mockResolvedValue([{ ...row, id: 'key_0', hash: hashOfKey(made) }])
    const asked = keys.identifyNew(made)
    answer()
    await asked
    await vi.advanceTimersByTimeAsync(2_000)

    expect(keys.identify(made)?.keyId).toBe('key_0')
    expect(keys.identify(key)?.keyId).toBe('key_1')
  })

  it('that are revoked are refused within two seconds also while all are read, however long that takes', async () => {
    await keys.onApplicationBootstrap()
    const endless: ActiveKey[] = [{ ...row, id: 'key_2', hash: hashOfKey(createKey()) }]
    store.activeKeys.mockImplementation(() => new Promise((resolve) => setTimeout(() => resolve(endless), 100)))
    await vi.advanceTimersByTimeAsync(61_000)
    store.changes.mockResolvedValue({ ...noChanges, revoked: [row] })

    await vi.advanceTimersByTimeAsync(2_000)

    expect(keys.identify(key)).toBeUndefined()
    store.activeKeys.mockResolvedValue([])
    await vi.advanceTimersByTimeAsync(1_000)
  })

  it('say no to an unknown key while the database does not answer', async () => {
    await keys.onApplicationBootstrap()
    store.activeKeysWith.mockReturnValue(new Promise(() => {}))
    const asked = keys.identifyNew(createKey())

    await vi.advanceTimersByTimeAsync(1_000)

    expect(await asked).toBeUndefined()
    // Or the shutdown behind this test waits for the answer as well.
    keys = new ApiKeys(store, logger)
  })

  it('say no to an unknown key in the same time while a look is under way that is not answered', async () => {
    await keys.onApplicationBootstrap()
    store.changes.mockReturnValue(new Promise(() => {}))
    void keys.refresh()
    const asked = keys.identifyNew(createKey())

    await vi.advanceTimersByTimeAsync(1_000)

    expect(await asked).toBeUndefined()
    keys = new ApiKeys(store, logger)
  })

  it('stay valid while the database is away, which is said once, and are refreshed when it is back', async () => {
    await keys.onApplicationBootstrap()
    store.changes.mockRejectedValue(new Error('away'))
    store.activeKeys.mockRejectedValue(new Error('away'))
    await vi.advanceTimersByTimeAsync(60_000)

    expect(keys.identify(key)?.keyId).toBe('key_1')
    expect(logger.warn).toHaveBeenCalledTimes(1)

    store.changes.mockResolvedValue(noChanges)
    holds()
    await vi.advanceTimersByTimeAsync(2_000)

    expect(keys.identify(key)).toBeUndefined()
    expect(logger.info).toHaveBeenCalledTimes(1)
  })

  it('are read in full after the database was away, however short: it may have come back with another past', async () => {
    await keys.onApplicationBootstrap()
    store.changes.mockRejectedValueOnce(new Error('away'))
    await vi.advanceTimersByTimeAsync(1_600)
    holds()

    await vi.advanceTimersByTimeAsync(1_600)

    expect(keys.identify(key)).toBeUndefined()
    expect(logger.warn).toHaveBeenCalledTimes(1)
    expect(logger.info).toHaveBeenCalledTimes(1)
  })

  it('say once that they could not be read in full, and refuse none for it', async () => {
    await keys.onApplicationBootstrap()
    store.activeKeys.mockImplementation((after) => (after ? Promise.reject(new Error('away')) : Promise.resolve([row])))
    await vi.advanceTimersByTimeAsync(180_000)

    expect(keys.identify(key)?.keyId).toBe('key_1')
    expect(logger.warn).toHaveBeenCalledTimes(1)
    expect(logger.info).not.toHaveBeenCalled()
  })

  it.each(['changes', 'activeKeys'] as const)(
    'are not loaded until the database has answered to %s',
    async (question) => {
      store[question].mockRejectedValueOnce(new Error('away'))
      await keys.onApplicationBootstrap()
      expect(keys.isLoaded).toBe(false)

      await vi.advanceTimersByTimeAsync(2_000)

      expect(keys.isLoaded).toBe(true)
    },
  )

  it('note the use of a key, once however often it was used, and not what was refused', async () => {
    await keys.onApplicationBootstrap()
    for (let i = 0; i < 5; i++) keys.identify(key)
    keys.identify(createKey())

    await vi.advanceTimersByTimeAsync(60_000)

    expect(store.touch.mock.calls).toEqual([[['key_1'], expect.any(Date)]])
  })

  it('say once that their use could not be noted, and once that it is noted again', async () => {
    await keys.onApplicationBootstrap()
    store.touch.mockRejectedValue(new Error('refused'))
    keys.identify(key)
    await vi.advanceTimersByTimeAsync(60_000)
    expect(logger.warn.mock.calls).toEqual([[{ err: new Error('refused') }, expect.stringContaining('use')]])

    store.touch.mockResolvedValue()
    await vi.advanceTimersByTimeAsync(60_000)

    expect(logger.warn).toHaveBeenCalledTimes(1)
    expect(logger.info).toHaveBeenCalledTimes(1)
  })

  it('say once that an unknown one could not be looked for, which is then refused', async () => {
    await keys.onApplicationBootstrap()
    store.activeKeysWith.mockRejectedValue(new Error('away'))

    expect(await keys.identifyNew(createKey())).toBeUndefined()
    expect(await keys.identifyNew(createKey())).toBeUndefined()

    expect(logger.warn).toHaveBeenCalledTimes(1)
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
