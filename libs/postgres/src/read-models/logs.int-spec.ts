import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Attempted, deliveryIdFor } from '#domain'
import type { Database, Session } from '../database.js'
import { type TestDatabase, createTestDatabase } from '../test-database.testing.js'
import { NOON, aFannedOut, aRef, anAttemptRow, anAttempted, anEventRow } from './builders.testing.js'
import { DeliveryLog } from './delivery-log.js'
import { statesFrom } from './delivery-state.js'
import { EventLog } from './event-log.js'
import type { LogPage } from './log-page.js'
import { PartitionStore } from './partition-store.js'
import { ReadModelWriter } from './read-model-writer.js'

const DAY_MS = 86_400_000
const MEGABYTE = 1_000_000

/** Ten events over three days, two of each in the same millisecond, to two webhooks; one delivery failed and waits. */
const acceptedAt = (n: number) => NOON + Math.floor(n / 2) * (DAY_MS / 2)
const numbers = Array.from({ length: 10 }, (_, n) => n)
/** The delivery whose attempts are looked at. */
const ofFirst = { deliveryId: deliveryIdFor('evt_1', 'whk_1') }
const idOf = (n: number) => deliveryIdFor(`evt_${n}`, 'whk_1')
const newestFirst = (wanted: number[]) =>
  wanted
    .map((n) => ({ at: acceptedAt(n), id: idOf(n) }))
    .sort((a, b) => b.at - a.at || (a.id < b.id ? 1 : -1))
    .map(({ id }) => id)

describe('reading the logs', () => {
  let test: TestDatabase
  let events: EventLog
  let deliveries: DeliveryLog
  let writer: ReadModelWriter
  beforeAll(async () => {
    test = await createTestDatabase()
    events = new EventLog(test.database)
    deliveries = new DeliveryLog(test.database)
    const retention = { eventsMs: 30 * DAY_MS, deliveriesMs: 30 * DAY_MS }
    writer = new ReadModelWriter(test.database, new PartitionStore(test.database, retention, () => NOON))
    await writer.write({
      events: numbers.map((n) =>
        anEventRow({
          id: `evt_${n}`,
          acceptedAt: acceptedAt(n),
          type: n % 2 ? 'context.created' : 'context.updated',
          body: `{"n":${n}}`,
        }),
      ),
      fanOuts: [
        {
          accountId: 'acc_1',
          eventId: 'evt_0',
          acceptedAt: acceptedAt(0),
          decidedAt: NOON + 1,
          matches: { matched: ['whk_1'], unmatched: [{ webhookId: 'whk_2', reason: 'disabled' }] },
        },
      ],
      deliveries: numbers.flatMap((n) => [
        ...statesFrom(
          aFannedOut({
            eventId: `evt_${n}`,
            eventType: n % 2 ? 'context.created' : 'context.updated',
            acceptedAt: acceptedAt(n),
            matched: [
              { webhookId: 'whk_1', deliveryId: idOf(n) },
              { webhookId: 'whk_2', deliveryId: `dlv_other_${n}` },
            ],
          }),
        ),
        ...(n === 3
          ? []
          : statesFrom(anAttempted({ delivery: aRef({ deliveryId: idOf(n), acceptedAt: acceptedAt(n) }) }))),
      ]),
      attempts: [
        anAttemptRow({
          ...ofFirst,
          id: 'atm_b',
          number: 2,
          startedAt: NOON + 2_000,
          outcome: 'refused',
          reason: 'gone',
        }),
        anAttemptRow({ ...ofFirst, id: 'atm_a', number: 1, outcome: 'failed', reason: 'timeout', response: null }),
        anAttemptRow({ id: 'atm_x', deliveryId: idOf(2) }),
      ],
    })
  })
  afterAll(() => test.close())

  /** Walks all pages and answers the ids in the order in which they came. */
  async function walked(list: (page: LogPage) => Promise<{ id: string; acceptedAt: number }[]>, limit: number) {
    const ids: string[] = []
    let after: LogPage['after']
    for (;;) {
      const rows = await list({ limit, after })
      ids.push(...rows.slice(0, limit).map((row) => row.id))
      if (rows.length <= limit) return ids
      after = rows[limit - 1]
    }
  }

  it.each([1, 3, 10])('gives every event once, newest first, in pages of %i', async (limit) => {
    expect(await walked((page) => events.list('acc_1', {}, page), limit)).toEqual(
      numbers.map((n) => `evt_${n}`).reverse(),
    )
  })

  it('filters events by type and time', async () => {
    const since = acceptedAt(4)

    const ids = await walked((page) => events.list('acc_1', { type: 'context.created', since }, page), 2)

    expect(ids).toEqual(['evt_9', 'evt_7', 'evt_5'])
  })

  it('finds an event with its text, and where it went', async () => {
    const event = await events.find('acc_1', 'evt_0')

    expect(event).toEqual({
      accountId: 'acc_1',
      id: 'evt_0',
      type: 'context.updated',
      acceptedAt: NOON,
      body: '{"n":0}',
    })
    expect(await events.matches(event!)).toEqual({
      matched: ['whk_1'],
      unmatched: [{ webhookId: 'whk_2', reason: 'disabled' }],
    })
    expect(await events.matches({ ...event!, id: 'evt_1' })).toBeNull()
  })

  it.each([1, 3, 10])('gives every delivery of a webhook once, newest first, in pages of %i', async (limit) => {
    expect(await walked((page) => deliveries.list('acc_1', 'whk_1', {}, page), limit)).toEqual(newestFirst(numbers))
  })

  it.each([
    ['status', { status: 'waiting' as const }, [3]],
    ['type', { type: 'context.created' as const, until: acceptedAt(6) }, [5, 3, 1]],
    ['event', { eventId: 'evt_7' }, [7]],
    ['time, from inclusive to exclusive', { since: acceptedAt(2), until: acceptedAt(4) }, [3, 2]],
    [
      'status and type',
      { status: 'delivered' as const, type: 'context.created' as const, until: acceptedAt(6) },
      [5, 1],
    ],
    ['everything at once', { status: 'delivered' as const, since: acceptedAt(2), eventId: 'evt_3' }, []],
  ])('filters deliveries by %s', async (_, filter, wanted) => {
    expect((await deliveries.list('acc_1', 'whk_1', filter, { limit: 10 })).map((row) => row.id)).toEqual(
      newestFirst(wanted),
    )
  })

  it('gives the newest hundred attempts of a delivery that was asked for again and again', async () => {
    const ref = { deliveryId: idOf(8), acceptedAt: acceptedAt(8) }
    const attempts = Array.from({ length: 120 }, (_, chain) =>
      anAttemptRow({ ...ref, id: `atm_${chain}`, chain, startedAt: NOON + chain }),
    )
    await writer.write({ events: [], fanOuts: [], deliveries: [], attempts })

    const found = await deliveries.withAttempts('acc_1', idOf(8), MEGABYTE)
    expect(found!.attempts.map(({ chain }) => chain)).toEqual(Array.from({ length: 100 }, (_, n) => n + 20))
  })

  it('gives of large attempts the newest until they are as many bytes as are wanted, and one at least', async () => {
    const ref = { deliveryId: idOf(6), acceptedAt: acceptedAt(6) }
    // In an answer each of these characters is an escape of six.
    const response = { status: 500, headers: { 'x-large': 'x'.repeat(16_000) }, body: '\u0001'.repeat(4_096) }
    const attempts = Array.from({ length: 100 }, (_, chain) =>
      anAttemptRow({ ...ref, id: `atm_${chain}`, chain, startedAt: NOON + chain, response }),
    )
    await writer.write({ events: [], fanOuts: [], deliveries: [], attempts })

    const found = (await deliveries.withAttempts('acc_1', idOf(6), MEGABYTE))!.attempts

    const numbers = Array.from({ length: found.length }, (_, n) => 100 - found.length + n)
    expect(found.map(({ chain }) => chain)).toEqual(numbers)
    const bytes = Buffer.byteLength(JSON.stringify(found.map(({ request, response }) => ({ request, response }))))
    expect(bytes).toBeGreaterThan(0.95 * MEGABYTE)
    expect(bytes).toBeLessThan(1.05 * MEGABYTE)
    expect(found.at(-1)!.newerBytes).toBe(0)
    expect(found.at(-2)!.newerBytes).toBeGreaterThan(40_000)
    const one = (await deliveries.withAttempts('acc_1', idOf(6), 1))!
    expect(one.attempts.map(({ chain }) => chain)).toEqual([99])
  })

  it('finds a delivery with its attempts in the order in which they were made', async () => {
    const { delivery, attempts } = (await deliveries.withAttempts('acc_1', idOf(1), MEGABYTE))!

    expect(delivery).toEqual(await deliveries.find('acc_1', idOf(1)))
    expect(delivery).toMatchObject({ eventId: 'evt_1', webhookId: 'whk_1', end: { kind: 'delivered', at: NOON + 30 } })
    const made = [
      anAttemptRow({ ...ofFirst, id: 'atm_a', number: 1, outcome: 'failed', reason: 'timeout', response: null }),
      anAttemptRow({ ...ofFirst, id: 'atm_b', number: 2, startedAt: NOON + 2_000, outcome: 'refused', reason: 'gone' }),
    ]
    expect(attempts.map(({ newerBytes: _, ...stored }) => stored)).toEqual(
      made.map(({ webhookId: _, eventType: __, ...stored }) => stored),
    )
  })

  it('finds a delivery and its attempts as of one moment, whatever is written meanwhile', async () => {
    const delivery = aRef({ deliveryId: 'dlv_now', eventId: 'evt_now' })
    const told = async (attempted: Attempted | null) =>
      writer.write({
        events: [],
        fanOuts: [],
        deliveries: attempted
          ? statesFrom(attempted)
          : statesFrom(aFannedOut({ eventId: 'evt_now', matched: [{ webhookId: 'whk_1', deliveryId: 'dlv_now' }] })),
        attempts: attempted ? [anAttemptRow({ id: attempted.attemptId, deliveryId: 'dlv_now' })] : [],
      })
    await told(null)
    // The projector writes right after each statement.
    const busy = {
      query: async (...asked: Parameters<Session['query']>) => {
        const rows = await test.database.query(...asked)
        await told(anAttempted({ delivery, attemptId: 'atm_now' }))
        return rows
      },
    }
    const found = await new DeliveryLog(busy as Database).withAttempts('acc_1', 'dlv_now', MEGABYTE)
    expect(found).toMatchObject({ delivery: { end: null, attemptsMade: 0 }, attempts: [] })
    expect(await deliveries.withAttempts('acc_1', 'dlv_now', MEGABYTE)).toMatchObject({
      delivery: { end: { kind: 'delivered' }, attemptsMade: 1 },
      attempts: [{ id: 'atm_now' }],
    })
  })

  it('finds many deliveries of one event at once, in the order of their ids', async () => {
    const found = await deliveries.findAll('acc_1', ['dlv_other_9', idOf(9), 'dlv_none'], acceptedAt(9))

    expect(found.map((row) => row.id)).toEqual([idOf(9), 'dlv_other_9'].sort())
  })

  it('finds the deliveries of one event, and not of the next that came under its id days later', async () => {
    const ref = { accountId: 'acc_3', eventId: 'evt_twice', webhookId: 'whk_3', deliveryId: 'dlv_twice' }
    const accepted = [NOON, NOON + DAY_MS + 1]
    const told = accepted.flatMap((acceptedAt) => statesFrom(anAttempted({ delivery: aRef({ ...ref, acceptedAt }) })))
    await writer.write({ events: [], fanOuts: [], deliveries: told, attempts: [] })

    for (const acceptedAt of accepted) {
      expect(await deliveries.findAll('acc_3', ['dlv_twice'], acceptedAt)).toMatchObject([{ acceptedAt }])
    }
    expect(await deliveries.findAll('acc_3', ['dlv_twice'], NOON - DAY_MS)).toMatchObject([{ acceptedAt: NOON }])
  })

  it('shows another account nothing', async () => {
    expect(await events.list('acc_2', {}, { limit: 10 })).toEqual([])
    expect(await events.find('acc_2', 'evt_1')).toBeNull()
    expect(await deliveries.list('acc_2', 'whk_1', {}, { limit: 10 })).toEqual([])
    expect(await deliveries.find('acc_2', idOf(1))).toBeNull()
    expect(await deliveries.withAttempts('acc_2', idOf(1), MEGABYTE)).toBeNull()
    expect(await deliveries.findAll('acc_2', [idOf(1)], NOON)).toEqual([])
  })
})
