import type { Batch } from 'kafkajs'
import { expect, it } from 'vitest'
import { OffsetTracker } from './offset-tracker.js'
import { PartitionMadeAnew, readBatch } from './read-batch.js'

const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined }

function fetched(offsets: number[], highWatermark: number): Batch {
  return {
    topic: 't',
    partition: 0,
    highWatermark: String(highWatermark),
    fetchedOffset: String(offsets[0]),
    firstOffset: () => String(offsets[0]),
    lastOffset: () => String(offsets.at(-1)),
    messages: offsets.map((offset) => ({ offset, headers: {} })),
  } as unknown as Batch
}

it('hands out nothing of a partition that is shorter than what was read of it, and leaves what is known as it was', () => {
  const tracker = new OffsetTracker(10)
  const holding = { topic: 't', partition: 0, tracker, end: 10, gap: undefined } as never
  expect(() => readBatch(holding, fetched([0, 1, 2], 3), () => undefined, silent)).toThrow(PartitionMadeAnew)
  expect([tracker.mark, tracker.next]).toEqual([10, 10])
  expect(readBatch(holding, fetched([10, 11], 12), () => undefined, silent).map(({ offset }) => offset)).toEqual([
    10, 11,
  ])
})
