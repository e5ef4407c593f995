import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { NOON } from '../read-models/builders.testing.js'
import { type TestDatabase, createTestDatabase } from '../test-database.testing.js'
import { RedeliveryStore, type RequestedChain } from './redelivery-store.js'

describe('the store of redeliveries', () => {
  let test: TestDatabase
  let store: RedeliveryStore
  beforeAll(async () => {
    test = await createTestDatabase()
    store = new RedeliveryStore(test.database)
  })
  afterAll(() => test.close())
  beforeEach(() => test.database.query('delete from redeliveries'))

  it('gives the chain after the one that the read model knows', async () => {
    expect(await store.request('dlv_1', 0, 'first', NOON)).toBe(1)
    expect(await store.request('dlv_2', 4, 'fifth', NOON)).toBe(5)
  })

  it('gives the next number also while the read model does not know of the one before', async () => {
    await store.request('dlv_1', 0, 'first', NOON)
    await store.sent({ deliveryId: 'dlv_1', chain: 1 })
    expect(await store.request('dlv_1', 0, 'second', NOON)).toBe(2)
  })

  it('gives a later number where others have asked for chains meanwhile', async () => {
    await store.request('dlv_1', 0, 'first', NOON)
    await store.sent({ deliveryId: 'dlv_1', chain: 1 })
    expect(await store.request('dlv_1', 3, 'fourth', NOON)).toBe(4)
  })

  it('gives one number when many ask at once, through whichever replica', async () => {
    const other = test.another()
    try {
      const stores = [store, new RedeliveryStore(other)]
      const asked = Array.from({ length: 20 }, (_, i) => stores[i % 2]!.request('dlv_1', 0, `request ${i}`, NOON))
      const numbers = await Promise.all(asked)
      expect(numbers.filter((chain) => chain !== null)).toEqual([1])
    } finally {
      await other.close()
    }
  })

  it('gives a chain that is asked for by its number to one of many who ask, and none that was passed', async () => {
    const other = test.another()
    const chain = (deliveryId: string, number: number) => ({
      deliveryId,
      chain: number,
      content: 'again',
      acceptedAt: NOON,
    })
    try {
      const stores = [store, new RedeliveryStore(other)]
      const asked = Array.from({ length: 10 }, (_, i) => stores[i % 2]!.claim([chain('dlv_1', 1), chain('dlv_2', 3)]))
      expect((await Promise.all(asked)).flat()).toEqual([chain('dlv_1', 1), chain('dlv_2', 3)])
      expect(await store.claim([chain('dlv_1', 2)])).toEqual([])
      for (const each of [chain('dlv_1', 1), chain('dlv_2', 3)]) await store.sent(each)
      expect(await store.claim([chain('dlv_1', 2), chain('dlv_2', 3)])).toEqual([chain('dlv_1', 2)])
    } finally {
      await other.close()
    }
  })

  it('gives the number after it where an asked one was given for another event, accepted under the same id days apart', async () => {
    const DAY_MS = 86_400_000
    const chain = (number: number, acceptedAt: number) => ({
      deliveryId: 'dlv_1',
      chain: number,
      content: 'again',
      acceptedAt,
    })
    const claim = async (number: number, acceptedAt: number) => {
      const claimed = await store.claim([chain(number, acceptedAt)])
      for (const each of claimed) await store.sent(each)
      return claimed.map((each) => each.chain)
    }
    const thursday = NOON + 3 * DAY_MS
    await store.request('dlv_1', 0, 'first', NOON)
    expect(await claim(1, thursday)).toEqual([])
    await store.sent({ deliveryId: 'dlv_1', chain: 1 })

    expect(await claim(1, thursday)).toEqual([2])
    expect(await claim(1, thursday)).toEqual([])
    expect(await claim(2, thursday + DAY_MS)).toEqual([])
    expect(await claim(7, NOON)).toEqual([7])

    // As a process of the release before leaves it: what was asked for before the event was accepted was another one.
    await test.database.query('update redeliveries set accepted_at = null, requested_at = $1', [new Date(thursday)])
    expect(await claim(7, NOON)).toEqual([])
    expect(await claim(1, thursday + DAY_MS)).toEqual([8])
  })

  it('never gives the same number twice when each is sent before the next is asked for', async () => {
    const numbers: (number | null)[] = []
    await Promise.all(
      Array.from({ length: 20 }, async () => {
        const chain = await store.request('dlv_1', 0, 'request', NOON)
        if (chain !== null) await store.sent({ deliveryId: 'dlv_1', chain })
        numbers.push(chain)
      }),
    )
    const given = numbers.filter((chain) => chain !== null)
    expect(given.length).toBeGreaterThan(0)
    expect(new Set(given).size).toBe(given.length)
  })

  it('sends what was left behind, once, and not what is still in hands', async () => {
    await store.request('dlv_left', 0, 'left behind', NOON)
    await test.database.query("update redeliveries set requested_at = now() - interval '1 minute'")
    await store.request('dlv_young', 0, 'young', NOON)
    const sent: RequestedChain[] = []
    const send = (chains: RequestedChain[]) => Promise.resolve(void sent.push(...chains))

    expect(await store.sendLeftBehind(10_000, send)).toBe(1)
    expect(await store.sendLeftBehind(10_000, send)).toBe(0)

    expect(sent).toEqual([{ deliveryId: 'dlv_left', chain: 1, content: 'left behind' }])
    expect(await store.request('dlv_left', 0, 'again', NOON)).toBe(2)
  })

  it('keeps what could not be sent', async () => {
    await store.request('dlv_1', 0, 'kept', NOON)
    const fail = () => Promise.reject(new Error('Kafka is away'))
    await expect(store.sendLeftBehind(0, fail)).rejects.toThrow('Kafka is away')
    expect(await store.request('dlv_1', 0, 'another', NOON)).toBeNull()
  })

  it('does not send twice what two replicas find at the same time', async () => {
    for (let i = 0; i < 120; i++) await store.request(`dlv_${i}`, 0, 'left behind', NOON)
    const sent: string[] = []
    const send = (chains: RequestedChain[]) =>
      Promise.resolve(void sent.push(...chains.map(({ deliveryId }) => deliveryId)))
    await Promise.all([store.sendLeftBehind(0, send), store.sendLeftBehind(0, send)])
    await store.sendLeftBehind(0, send)
    expect(new Set(sent).size).toBe(120)
    expect(sent).toHaveLength(120)
  })

  it('forgets what is old and sent, and nothing else', async () => {
    for (const id of ['dlv_sent', 'dlv_unsent', 'dlv_young']) await store.request(id, 0, 'content', NOON)
    await store.sent({ deliveryId: 'dlv_sent', chain: 1 })
    await store.sent({ deliveryId: 'dlv_young', chain: 1 })
    await test.database.query(
      "update redeliveries set requested_at = now() - interval '31 days' where delivery_id <> 'dlv_young'",
    )
    expect(await store.forgetOlderThan(30 * 86_400_000)).toBe(1)
    const left = await test.database.query<{ id: string }>('select delivery_id as id from redeliveries order by id')
    expect(left.map(({ id }) => id)).toEqual(['dlv_unsent', 'dlv_young'])
  })
})
