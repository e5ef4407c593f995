import { afterAll, beforeAll, expect, it } from 'vitest'
import { type TestDatabase, createTestDatabase } from '../test-database.testing.js'
import { NOON } from './builders.testing.js'
import { FannedOutEvents } from './fanned-out-events.js'
import { PartitionStore } from './partition-store.js'
import { ReadModelWriter } from './read-model-writer.js'

const DAY_MS = 86_400_000
const MINUTE_MS = 60_000

let test: TestDatabase
beforeAll(async () => {
  test = await createTestDatabase()
  const retention = { eventsMs: 30 * DAY_MS, deliveriesMs: 30 * DAY_MS }
  const writer = new ReadModelWriter(test.database, new PartitionStore(test.database, retention, () => NOON))
  const matches = { matched: [], unmatched: [] }
  await writer.write({
    events: [],
    fanOuts: [{ accountId: 'acc_1', eventId: 'evt_1', acceptedAt: NOON, decidedAt: NOON + 5, matches } as never],
    deliveries: [],
    attempts: [],
  })
})
afterAll(() => test.close())

it.each([
  ['the acceptance that was fanned out', 'acc_1', 'evt_1', 0, true],
  ['a repeat that was dropped, minutes later', 'acc_1', 'evt_1', 5 * MINUTE_MS, true],
  ['an acceptance before it', 'acc_1', 'evt_1', -5 * MINUTE_MS, false],
  ['the same id days later', 'acc_1', 'evt_1', 2 * DAY_MS, false],
  ['another event', 'acc_1', 'evt_2', 0, false],
  ['another account’s event with that id', 'acc_2', 'evt_1', 0, false],
])('%s', async (_, accountId, id, afterMs, isKnown) => {
  const event = { accountId, id, acceptedAt: NOON + afterMs }
  const known = await new FannedOutEvents(test.database).among([{ ...event, id: 'evt_unknown' }, event])
  expect([...known]).toEqual(isKnown ? [event] : [])
})
