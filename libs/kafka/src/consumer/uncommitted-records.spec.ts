import { expect, it } from 'vitest'
import type { RecordBatch } from './record-batch.js'
import { UncommittedRecords } from './uncommitted-records.js'

const aBatch = (offsets: number[], highWatermark: number, partition = 0) =>
  ({
    topic: 't',
    partition,
    highWatermark,
    records: offsets.map((offset) => ({ topic: 't', partition, offset })),
  }) as unknown as RecordBatch
const offsetsIn = (records: UncommittedRecords, batch: RecordBatch) =>
  records.note(batch) ? batch.records.filter((record) => records.has(record)).map(({ offset }) => offset) : []

it('are those that a partition held when it was taken over', () => {
  const records = new UncommittedRecords(100)
  records.takenOver([{ topic: 't', partition: 0 }])
  expect(offsetsIn(records, aBatch([5, 6], 8))).toEqual([5, 6])
  expect(offsetsIn(records, aBatch([7, 8], 20))).toEqual([7])
  expect(offsetsIn(records, aBatch([9], 20))).toEqual([])
})

it('are no more than an owner may have uncommitted, counted as they come: what is complete between them does not', () => {
  const records = new UncommittedRecords(3)
  records.takenOver([{ topic: 't', partition: 0 }])
  expect(offsetsIn(records, aBatch([10, 500], 1_000))).toEqual([10, 500])
  expect(offsetsIn(records, aBatch([501, 502], 1_000))).toEqual([501, 502])
  expect(offsetsIn(records, aBatch([503], 1_000))).toEqual([])
})

it('are none of a partition that was not taken over, and counted anew when one is taken over again', () => {
  const records = new UncommittedRecords(3)
  records.takenOver([{ topic: 't', partition: 1 }])
  expect(offsetsIn(records, aBatch([5], 8))).toEqual([])
  expect(offsetsIn(records, aBatch([5], 6, 1))).toEqual([5])
  expect(offsetsIn(records, aBatch([6], 8, 1))).toEqual([])
  records.takenOver([{ topic: 't', partition: 1 }])
  expect(offsetsIn(records, aBatch([6, 8], 8, 1))).toEqual([6])
})
