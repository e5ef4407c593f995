import { describe, expect, it } from 'vitest'
import type { ConsumedRecord, RecordBatch } from '#kafka'
import { WaitingEvents } from './waiting-events.js'

/** Waiting events and a consumer that says which partitions it does not read. */
function some() {
  const paused = new Set<string>()
  const waiting = new WaitingEvents()
  waiting.attach({
    pause: (_topic, partition) => paused.add(String(partition)),
    resume: (_topic, partition) => paused.delete(String(partition)),
    pauseAll: () => paused.add('all'),
    resumeAll: () => paused.delete('all'),
  })
  return { waiting, paused }
}

let offset = 0
/** A batch with one record for each of the accounts. */
function aBatch(partition: number, accounts: string[], bytes = 100) {
  const batch = { topic: 'events', partition, owned: true, isOwned: () => batch.owned, withoutRecords: () => batch }
  const records = accounts.map((key) => ({ key, partition, offset: offset++, value: Buffer.alloc(bytes) }))
  return {
    lose: () => (batch.owned = false),
    arguments: [batch, records] as unknown as [RecordBatch, ConsumedRecord[]],
  }
}

/** Takes as many as there are, each of which leads to so many deliveries. */
function takeAll(waiting: WaitingEvents, deliveriesOf: (account: string) => number = () => 1, most = Infinity) {
  const accounts: string[] = []
  while (accounts.length < most) {
    const taken = waiting.take()
    if (!taken) break
    accounts.push(taken.record.key!)
    waiting.spent(deliveriesOf(taken.record.key!))
  }
  return accounts
}

const times = (count: number, account: string) => Array.from({ length: count }, () => account)

describe('waiting events', () => {
  it('take turns by account, so many deliveries each', () => {
    const { waiting } = some()
    waiting.add(...aBatch(0, [...times(30, 'many'), 'few', 'few']).arguments)
    waiting.add(...aBatch(1, ['other']).arguments)
    waiting.lineUp()
    expect(takeAll(waiting, (account) => (account === 'many' ? 50 : 1))).toEqual([
      ...times(10, 'many'),
      'few',
      'few',
      'other',
      ...times(20, 'many'),
    ])
  })

  it('of an account whose one event led to ten thousand sit out until the others had as many', () => {
    const { waiting } = some()
    waiting.add(...aBatch(0, [...times(2, 'wide'), ...times(11_000, 'narrow')]).arguments)
    waiting.lineUp()
    const order = takeAll(waiting, (account) => (account === 'wide' ? 10_000 : 1))
    expect(order.indexOf('wide', 1)).toBe(1 + 10_000)
    expect(order).toHaveLength(11_002)
  })

  it('keep an account in its order, also when they are put back', () => {
    const { waiting } = some()
    const batch = aBatch(0, times(5, 'a'))
    waiting.add(...batch.arguments)
    waiting.lineUp()
    const taken = [waiting.take()!]
    waiting.spent(1)
    taken.push(waiting.take()!)
    waiting.spent(1)
    waiting.putBack(taken)
    const offsets: number[] = []
    for (let next = waiting.take(); next; next = waiting.take()) {
      waiting.spent(1)
      offsets.push(next.record.offset)
    }
    expect(offsets).toEqual(batch.arguments[1].map((record) => record.offset))
    expect(waiting.isEmpty).toBe(true)
  })

  it('can be put back when the last of an account was taken', () => {
    const { waiting } = some()
    waiting.add(...aBatch(0, ['a']).arguments)
    waiting.lineUp()
    const taken = waiting.take()!
    waiting.spent(1)
    expect(waiting.take()).toBeUndefined()
    waiting.putBack([taken])
    expect(takeAll(waiting)).toEqual(['a'])
  })

  it('are not taken before they are lined up', () => {
    const { waiting } = some()
    waiting.add(...aBatch(0, ['a']).arguments)
    expect(waiting.take()).toBeUndefined()
    expect(waiting.isEmpty).toBe(false)
    waiting.lineUp()
    expect(takeAll(waiting)).toEqual(['a'])
  })

  it('of a partition that was lost are left to its new owner', () => {
    const { waiting } = some()
    const lost = aBatch(0, ['a', 'a'])
    waiting.add(...lost.arguments)
    waiting.add(...aBatch(1, ['b']).arguments)
    waiting.lineUp()
    lost.lose()
    expect(takeAll(waiting)).toEqual(['b'])
    expect(waiting.isEmpty).toBe(true)
  })

  it.each([
    ['many', 5_000, 100],
    ['large', 8, 2 ** 20],
  ])('that are too %s hold their partition back, and no other, until half are taken', (_, count, bytes) => {
    const { waiting, paused } = some()
    waiting.add(...aBatch(0, times(count - 1, 'a'), bytes).arguments)
    waiting.add(...aBatch(1, ['b'], bytes).arguments)
    expect([...paused]).toEqual([])
    waiting.add(...aBatch(0, ['a'], bytes).arguments)
    expect([...paused]).toEqual(['0'])
    waiting.lineUp()
    takeAll(waiting, () => 1, count / 2 - 1)
    expect([...paused]).toEqual(['0'])
    takeAll(waiting, () => 1, 2)
    expect([...paused]).toEqual([])
  })

  it('hold all partitions back when the process has too many', () => {
    const { waiting, paused } = some()
    for (let partition = 0; partition < 12; partition++) {
      expect(paused.has('all')).toBe(false)
      waiting.add(...aBatch(partition, times(4, `account ${partition}`), 2 ** 20).arguments)
    }
    expect([...paused]).toEqual(['all'])
    waiting.lineUp()
    takeAll(waiting)
    expect([...paused]).toEqual([])
  })
})
