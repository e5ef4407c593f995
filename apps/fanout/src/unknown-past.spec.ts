import { expect, it } from 'vitest'
import type { AcceptedEvent } from '#domain'
import type { ConsumedRecord, RecordBatch } from '#kafka'
import type { FannedOutEvents } from '#postgres'
import { UnknownPast } from './unknown-past.js'

const NOW = 1_000_000
const RETENTION_MS = 100_000

function aBatch(partition: number, records: { id: string; timestamp: number; headers?: Record<string, string> }[]) {
  return {
    records: records.map(
      ({ id, timestamp, headers = { 'event-id': id, 'event-type': 'context.updated' } }, offset) => ({
        topic: 'context-events',
        partition,
        offset,
        key: 'acc_1',
        value: Buffer.from('{}'),
        headers,
        timestamp,
      }),
    ),
  } as unknown as RecordBatch & { records: ConsumedRecord[] }
}

function aPast(fannedOut: (event: AcceptedEvent) => boolean) {
  const asked: string[] = []
  const among = async (events: AcceptedEvent[]) => {
    asked.push(...events.map(({ id }) => id))
    return new Set(events.filter(fannedOut))
  }
  const past = new UnknownPast({ among } as unknown as FannedOutEvents, RETENTION_MS, { warn() {} } as never)
  const doneIn = async (batch: RecordBatch) =>
    [...(await past.doneIn(batch, NOW))].map(({ headers }) => headers['event-id'])
  return { past, asked, doneIn }
}

it('is asked about for what lay in partitions without offsets when they were taken over, and for nothing else', async () => {
  const { past, asked, doneIn } = aPast(({ id }) => id !== 'evt_missed')
  past.takenOver([{ topic: 'context-events', partition: 1 }], NOW)
  const before = NOW - 10
  expect(past.concerns(aBatch(0, [{ id: 'evt_elsewhere', timestamp: before }]))).toBe(false)
  expect(past.concerns(aBatch(1, [{ id: 'evt_later', timestamp: NOW }]))).toBe(false)
  const batch = aBatch(1, [
    { id: 'evt_known', timestamp: before },
    { id: 'evt_missed', timestamp: before },
    { id: 'evt_later', timestamp: NOW },
  ])
  expect(past.concerns(batch)).toBe(true)
  expect(await doneIn(batch)).toEqual(['evt_known'])
  expect(asked).toEqual(['evt_known', 'evt_missed'])
})

it('holds nothing that is older than what is kept about events, and leaves what cannot be read to the round', async () => {
  const { past, doneIn } = aPast(() => false)
  past.takenOver([{ topic: 'context-events', partition: 0 }], NOW)
  const done = await doneIn(
    aBatch(0, [
      { id: 'evt_ancient', timestamp: NOW - RETENTION_MS - 1 },
      { id: 'unreadable', timestamp: NOW - 1, headers: {} },
      { id: 'evt_recent', timestamp: NOW - RETENTION_MS },
    ]),
  )
  expect(done).toEqual(['evt_ancient'])
})

it('concerns nothing while no offsets were lost', () => {
  expect(aPast(() => true).past.concerns(aBatch(0, [{ id: 'evt_1', timestamp: NOW - 10 }]))).toBe(false)
})
