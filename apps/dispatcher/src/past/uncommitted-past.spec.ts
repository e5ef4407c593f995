import { expect, it } from 'vitest'
import type { Delivery } from '#domain'
import { type ConsumedRecord, RecordBatch } from '#kafka'
import type { ChainKey, EndedChains } from '#postgres'
import { Registry } from '#telemetry'
import { encodeDelivery } from '#topics'
import { aDelivery } from '../../../../libs/domain/src/builders.testing.js'
import { received } from '../../../../libs/topics/src/received.testing.js'
import { DispatchMetrics } from '../dispatch-metrics.js'
import { UncommittedPast } from './uncommitted-past.js'

const MONDAY = Date.parse('2024-01-15T12:00:00Z')
const TAKEN_OVER_AT = 1_000

/** After a takeover of partition 0. `ended` are the ids whose chain 0 the read models know as ended. */
function aTakeover(ended: string[] = []) {
  const asked: ChainKey[][] = []
  const warned: unknown[] = []
  const readModels = {
    answer: async (): Promise<void> => undefined,
    among: async (keys: ChainKey[]) => {
      asked.push(keys)
      await readModels.answer()
      return new Map(ended.map((id) => [`${id}/0/${MONDAY}`, { hasEnded: true, newest: 0 }]))
    },
  }
  const logger = { warn: (fields: unknown) => warned.push(fields) } as never
  const past = new UncommittedPast(readModels as unknown as EndedChains, new DispatchMetrics(new Registry()), logger)
  past.takenOver([{ topic: 'deliveries', partition: 0 }], TAKEN_OVER_AT)
  return { past, asked, warned, readModels }
}

function aBatch(deliveries: Partial<Delivery>[], { partition = 0, timestamp = TAKEN_OVER_AT - 1 } = {}) {
  const completed: number[] = []
  const records = deliveries.map((delivery, offset) => ({
    ...received(encodeDelivery('deliveries', aDelivery({ chain: 0, acceptedAt: MONDAY, ...delivery }))),
    topic: 'deliveries',
    partition,
    offset,
    timestamp,
  }))
  const batch = new RecordBatch('deliveries', partition, 1, records, 200, {
    complete: (offset: number) => void completed.push(offset),
    isOwned: () => true,
    isHeld: () => true,
    isNamed: () => true,
  })
  return { batch, completed }
}
const offsetsOf = (records: readonly ConsumedRecord[]) => records.map(({ offset }) => offset)

it('has what had ended completed without an attempt, and the rest done', async () => {
  const { past, asked } = aTakeover(['dlv_ended'])
  const { batch, completed } = aBatch([{ id: 'dlv_open' }, { id: 'dlv_ended' }, { id: 'dlv_ended', chain: 1 }])
  expect(past.concerns(batch)).toBe(true)
  expect(offsetsOf(await past.withoutEnded(batch))).toEqual([0, 2])
  expect(completed).toEqual([1])
  expect(asked[0]!.map(({ deliveryId, chain }) => `${deliveryId}/${chain}`)).toEqual([
    'dlv_open/0',
    'dlv_ended/0',
    'dlv_ended/1',
  ])
})

it('leaves what cannot be read to those who take it in', async () => {
  const { past, asked } = aTakeover()
  const { batch } = aBatch([{ id: 'dlv_a' }, { id: 'dlv_b' }])
  Object.assign(batch.records[0]!, { headers: {} })
  expect(offsetsOf(await past.withoutEnded(batch))).toEqual([0, 1])
  expect(asked[0]!.map(({ deliveryId }) => deliveryId)).toEqual(['dlv_b'])
})

it('asks about nothing that was written after the takeover, nor about another partition', () => {
  const { past } = aTakeover()
  expect(past.concerns(aBatch([{}], { partition: 1 }).batch)).toBe(false)
  expect(past.concerns(aBatch([{}], { timestamp: TAKEN_OVER_AT }).batch)).toBe(false)
  // What comes again later has been asked about.
  expect(past.concerns(aBatch([{}]).batch)).toBe(false)
})

it('asks about the first two thousand only: a long backlog does not keep the neighbours waiting', async () => {
  const { past } = aTakeover()
  const { batch } = aBatch(Array.from({ length: 700 }, () => ({})))
  let asked = 0
  while (past.concerns(batch)) asked += (await past.withoutEnded(batch)).length
  expect(asked).toBe(2_100)
})

it.each([
  ['are away', async () => Promise.reject(new Error('away'))],
  ['do not answer', () => new Promise<void>(() => undefined)],
])('goes on when the read models %s, and asks no more until the next takeover', async (_, answer) => {
  const { past, readModels, warned } = aTakeover(['dlv_a'])
  readModels.answer = answer
  const { batch, completed } = aBatch([{ id: 'dlv_a' }])
  expect(past.concerns(batch)).toBe(true)
  expect(offsetsOf(await past.withoutEnded(batch))).toEqual([0])
  expect([completed, warned.length]).toEqual([[], 1])
  expect(past.concerns(batch)).toBe(false)
  past.takenOver([batch], TAKEN_OVER_AT)
  expect(past.concerns(batch)).toBe(true)
})
