import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import type { Delivery } from '#domain'
import { type ConsumedRecord, RecordBatch } from '#kafka'
import type { ChainKey, EndedChains } from '#postgres'
import { Registry } from '#telemetry'
import { encodeDelivery, markPerhapsDoubled } from '#topics'
import { aDelivery } from '../../../../libs/domain/src/builders.testing.js'
import { received } from '../../../../libs/topics/src/received.testing.js'
import { DispatchMetrics } from '../dispatch-metrics.js'
import { AttemptedKeys } from './attempted-keys.js'
import { UncommittedPast } from './uncommitted-past.js'

const MONDAY = Date.parse('2024-01-15T12:00:00Z')
const END = 200

beforeEach(() => void vi.useFakeTimers({ now: MONDAY }))
afterEach(() => void vi.useRealTimers())

/** After a takeover of partition 0. `delivered` are the ids whose chain 0 the read models know as delivered. */
function aTakeover(delivered: string[] = []) {
  const asked: string[][] = []
  const warned: unknown[] = []
  const attempted = new AttemptedKeys()
  const readModels = {
    answer: async (): Promise<void> => undefined,
    deliveredAmong: async (keys: ChainKey[]) => {
      asked.push(keys.map(({ deliveryId, chain }) => `${deliveryId}/${chain}`))
      await readModels.answer()
      return new Set(keys.filter(({ deliveryId, chain }) => chain === 0 && delivered.includes(deliveryId)))
    },
  }
  const past = new UncommittedPast(
    readModels as unknown as EndedChains,
    attempted,
    { saw: () => {} } as never,
    new DispatchMetrics(new Registry()),
    { warn: (fields: unknown) => warned.push(fields) } as never,
  )
  past.takenOver([{ topic: 'deliveries', partition: 0 }])
  return { past, asked, warned, readModels, attempted }
}

function aDeliveryOf(change: Partial<Delivery>): Delivery {
  return aDelivery({ chain: 0, acceptedAt: MONDAY, ...change })
}

function aBatch(deliveries: Partial<Delivery>[], { from = 0, partition = 0, isDoubled = false } = {}) {
  const completed: number[] = []
  const records = deliveries.map((delivery, i) => {
    const message = encodeDelivery('deliveries', aDeliveryOf(delivery))
    const record = received(isDoubled ? markPerhapsDoubled(message) : message)
    return { ...record, topic: 'deliveries', partition, offset: from + i }
  })
  const batch = new RecordBatch('deliveries', partition, 1, records, END, {
    complete: (offset: number) => void completed.push(offset),
    isOwned: () => true,
    isHeld: () => true,
    isNamed: () => true,
  })
  return { batch, completed }
}
const offsetsOf = (records: readonly ConsumedRecord[]) => records.map(({ offset }) => offset)

it('has what was delivered completed without an attempt, and the rest done', async () => {
  const { past, asked, attempted } = aTakeover(['dlv_done'])
  const { batch, completed } = aBatch([{ id: 'dlv_open' }, { id: 'dlv_done' }, { id: 'dlv_done', chain: 1 }])
  expect(past.concerns(batch)).toBe(true)
  expect(offsetsOf(await past.withoutDelivered(batch))).toEqual([0, 2])
  expect(completed).toEqual([1])
  expect(asked).toEqual([['dlv_open/0', 'dlv_done/0', 'dlv_done/1']])
  // Its doubles need no question.
  expect(attempted.isDone(aDeliveryOf({ id: 'dlv_done' }), MONDAY)).toBe(true)
  expect(attempted.isDone(aDeliveryOf({ id: 'dlv_open' }), MONDAY)).toBe(false)
})

it('leaves what cannot be read to those who take it in', async () => {
  const { past, asked } = aTakeover()
  const { batch } = aBatch([{ id: 'dlv_a' }, { id: 'dlv_b' }])
  Object.assign(batch.records[0]!, { headers: {} })
  past.concerns(batch)
  expect(offsetsOf(await past.withoutDelivered(batch))).toEqual([0, 1])
  expect(asked).toEqual([['dlv_b/0']])
})

it('asks about nothing that was written after the takeover, nor about another partition', () => {
  const { past } = aTakeover()
  expect(past.concerns(aBatch([{}], { partition: 1 }).batch)).toBe(false)
  expect(past.concerns(aBatch([{}]).batch)).toBe(true)
  expect(past.concerns(aBatch([{}], { from: END }).batch)).toBe(false)
})

it('asks whenever it comes about what fan-out may have written twice, and about nothing beside it', async () => {
  const { past, asked } = aTakeover(['dlv_done'])
  const { batch, completed } = aBatch([{ id: 'dlv_done' }, { id: 'dlv_new' }], { partition: 1, isDoubled: true })
  const { batch: other } = aBatch([{ id: 'dlv_other' }], { partition: 1 })
  Object.assign(batch, { records: [...batch.records, ...other.records] })
  expect(past.concerns(batch)).toBe(true)
  expect((await past.withoutDelivered(batch)).length).toBe(2)
  expect([asked, completed]).toEqual([[['dlv_done/0', 'dlv_new/0']], [0]])
})

it.each([
  ['are away', () => Promise.reject(new Error('away')), 4],
  ['do not answer', () => new Promise<void>(() => undefined), 1],
])('goes on when the read models %s, and soon asks no more for some seconds', async (_, answer, questions) => {
  const { past, readModels, warned } = aTakeover(['dlv_a'])
  readModels.answer = answer
  const { batch, completed } = aBatch([{ id: 'dlv_a' }])
  while (past.concerns(batch)) {
    const left = past.withoutDelivered(batch)
    await vi.advanceTimersByTimeAsync(1_000)
    expect(offsetsOf(await left)).toEqual([0])
  }
  expect([completed, warned.length]).toEqual([[], questions])
  await vi.advanceTimersByTimeAsync(10_000)
  expect(past.concerns(batch)).toBe(true)
})

it('waits no longer than a second in all, however many batches there are', async () => {
  const { past, readModels } = aTakeover()
  readModels.answer = () => new Promise((resolve) => setTimeout(resolve, 300))
  const { batch } = aBatch([{}])
  let asked = 0
  while (past.concerns(batch)) {
    asked++
    const left = past.withoutDelivered(batch)
    await vi.advanceTimersByTimeAsync(300)
    await left
  }
  expect(asked).toBe(4)
})
