import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Fact, eventTypes, newId } from '#domain'
import { type TestDatabase, createTestDatabase } from '../test-database.testing.js'
import { type BalanceEntry, emptyBalance } from './balance.js'
import {
  NOON,
  aChainEnded,
  aFannedOut,
  aRedeliveryRequested,
  aRef,
  anAttemptRow,
  anAttempted,
  anEventRow,
} from './builders.testing.js'
import { statesFrom } from './delivery-state.js'
import { PartitionStore } from './partition-store.js'
import type { ReadModelRows } from './read-model-rows.js'
import { ReadModelWriter } from './read-model-writer.js'

const DAY_MS = 86_400_000
const RETENTION = { eventsMs: 30 * DAY_MS, deliveriesMs: 30 * DAY_MS }

function rows(change: Partial<ReadModelRows>): ReadModelRows {
  return { events: [], fanOuts: [], deliveries: [], attempts: [], ...change }
}

function deliveriesOf(...facts: Fact[]): ReadModelRows {
  return rows({ deliveries: facts.flatMap(statesFrom) })
}

describe('writing the read models', () => {
  let test: TestDatabase
  let writer: ReadModelWriter
  beforeEach(async () => {
    test = await createTestDatabase()
    writer = writerOn()
  })
  afterEach(() => test.close())

  function writerOn(database = test.database): ReadModelWriter {
    return new ReadModelWriter(database, new PartitionStore(database, RETENTION, () => NOON))
  }

  async function everything(): Promise<unknown> {
    const all: Record<string, unknown> = {}
    for (const table of ['events', 'fan_outs', 'deliveries', 'attempts']) {
      all[table] = await test.database.query(`select * from ${table} order by 1, 2, 3`)
    }
    return all
  }

  const fanOut = { accountId: 'acc_1', eventId: 'evt_1', acceptedAt: NOON, decidedAt: NOON + 5 }
  const retried = anAttempted({
    outcome: { kind: 'failed', reason: 'timeout' },
    next: { kind: 'retry', attempt: 2, notBefore: NOON + 10_000 },
  })
  const portions: ReadModelRows[] = [
    rows({ events: [anEventRow()] }),
    rows({
      fanOuts: [{ ...fanOut, matches: { matched: ['whk_1'], unmatched: [] } }],
      deliveries: statesFrom(aFannedOut()),
    }),
    rows({
      deliveries: statesFrom(retried),
      attempts: [anAttemptRow({ outcome: 'failed', reason: 'timeout', response: null })],
    }),
    rows({
      deliveries: statesFrom(anAttempted({ attemptId: 'atm_2', number: 2 })),
      attempts: [anAttemptRow({ id: 'atm_2', number: 2 })],
    }),
    deliveriesOf(aChainEnded({ end: 'expired' })),
  ]

  it('gives the same tables for the same facts in any order, repeated, at once or one by one', async () => {
    for (const portion of portions) await writer.write(portion)
    const inOrder = await everything()

    await test.database.query('truncate events, fan_outs, deliveries, attempts')
    for (const portion of [...portions].reverse()) await writer.write(portion)
    expect(await everything()).toEqual(inOrder)

    for (const portion of portions) await writer.write(portion)
    expect(await everything()).toEqual(inOrder)

    await test.database.query('truncate events, fan_outs, deliveries, attempts')
    const twice = [...portions, ...portions]
    await writer.write({
      events: twice.flatMap((portion) => portion.events),
      fanOuts: twice.flatMap((portion) => portion.fanOuts),
      deliveries: twice.flatMap((portion) => portion.deliveries),
      attempts: twice.flatMap((portion) => portion.attempts),
    })
    expect(await everything()).toEqual(inOrder)
  })

  it('writes all of a batch or nothing', async () => {
    const impossible = { ...statesFrom(aFannedOut())[0]!, chain: 2 ** 40 }

    await expect(
      writer.write(rows({ events: [anEventRow()], deliveries: [impossible], attempts: [anAttemptRow()] })),
    ).rejects.toThrow('out of range')

    expect(await everything()).toEqual({ events: [], fan_outs: [], deliveries: [], attempts: [] })
  })

  it('merges what two writers learn of the same delivery at the same time', async () => {
    const other = test.another()
    try {
      const writers = [writer, writerOn(other)]
      const ids = Array.from({ length: 300 }, (_, i) => `dlv_${i}`)
      const matched = ids.map((deliveryId) => ({ deliveryId, webhookId: 'whk_1' }))
      const attempted = ids.map((deliveryId) => anAttempted({ delivery: aRef({ deliveryId }) }))

      await Promise.all([
        writers[0]!.write(deliveriesOf(aFannedOut({ matched }))),
        writers[1]!.write(deliveriesOf(...attempted)),
        writers[0]!.write(deliveriesOf(...attempted.toReversed())),
        writers[1]!.write(deliveriesOf(aFannedOut({ matched: matched.toReversed() }))),
      ])

      const statuses = await test.database.query(
        'select chain_end, attempts_made, count(*)::int from deliveries group by 1, 2',
      )
      expect(statuses).toEqual([{ chain_end: 'delivered', attempts_made: 1, count: 300 }])
    } finally {
      await other.close()
    }
  })

  it('makes the partition of a day for which nobody prepared one, past or future', async () => {
    const days = [NOON - 20 * DAY_MS, NOON, NOON + 2 * DAY_MS]

    await writer.write(rows({ events: days.map((acceptedAt, i) => anEventRow({ acceptedAt, id: `evt_${i}` })) }))

    expect(
      await test.database.query('select distinct tableoid::regclass::text as name from events order by 1'),
    ).toEqual([{ name: 'events_20231226' }, { name: 'events_20240115' }, { name: 'events_20240117' }])
  })

  it('drops and counts what is older than the retention, and makes no partition for it', async () => {
    const old = NOON - 40 * DAY_MS

    const written = await writer.write(rows({ events: [anEventRow({ acceptedAt: old }), anEventRow()] }))

    expect(written.rows).toMatchObject({ events: 1, too_old: 1 })
    expect(
      await test.database.query('select 1 from pg_inherits where inhparent = $1::regclass', ['events']),
    ).toHaveLength(1)
  })

  it('recovers by itself when a partition vanished under it', async () => {
    await writer.write(rows({ events: [anEventRow()] }))
    await test.database.query('drop table events_20240115')

    await expect(writer.write(rows({ events: [anEventRow()] }))).rejects.toThrow('no partition')
    await writer.write(rows({ events: [anEventRow()] }))

    expect(await test.database.query('select id from events')).toEqual([{ id: 'evt_1' }])
  })

  it.each([
    ['in one batch', (first: ReadModelRows, second: ReadModelRows) => [merge(first, second)]],
    ['in order', (first: ReadModelRows, second: ReadModelRows) => [first, second]],
    ['in the other order', (first: ReadModelRows, second: ReadModelRows) => [second, first]],
  ])(
    'keeps one event and one delivery, with all attempts, of an event that was accepted twice: %s',
    async (_, portioned) => {
      const later = NOON + 13 * 3_600_000
      const at = (acceptedAt: number, body: string) =>
        rows({
          events: [anEventRow({ acceptedAt, body })],
          deliveries: [
            ...statesFrom(aFannedOut({ acceptedAt })),
            ...statesFrom(anAttempted({ delivery: aRef({ acceptedAt }) })),
          ],
          attempts: [anAttemptRow({ acceptedAt, id: `atm_${body}` })],
        })

      for (const portion of portioned(at(NOON, 'first'), at(later, 'second'))) await writer.write(portion)

      expect(await test.database.query('select body, accepted_at from events')).toEqual([
        { body: 'first', accepted_at: new Date(NOON) },
      ])
      expect(await test.database.query('select accepted_at, chain_end from deliveries')).toEqual([
        { accepted_at: new Date(NOON), chain_end: 'delivered' },
      ])
      expect(await test.database.query('select id, accepted_at from attempts order by id')).toEqual([
        { id: 'atm_first', accepted_at: new Date(NOON) },
        { id: 'atm_second', accepted_at: new Date(NOON) },
      ])
    },
  )

  describe('of an event that was accepted twice, days apart', () => {
    const [monday, thursday] = [NOON, NOON + 3 * DAY_MS]
    const attempted = (attemptId: string, acceptedAt: number, deliveryId = 'dlv_1') =>
      rows({
        deliveries: statesFrom(anAttempted({ attemptId, delivery: aRef({ acceptedAt, deliveryId }) })),
        attempts: [anAttemptRow({ id: attemptId, deliveryId, acceptedAt })],
      })
    const laid = () =>
      test.database.query(
        `select delivery_id || ' ' || id as attempt, accepted_at from attempts
         where exists (select 1 from deliveries d where d.id = delivery_id and d.accepted_at = attempts.accepted_at)
         order by 1`,
      )

    it('keeps two deliveries with their own attempts, whatever else is in the round', async () => {
      const elsewhere = [attempted('atm_8', monday, 'dlv_2'), attempted('atm_9', thursday, 'dlv_3')]

      await writer.write(attempted('atm_1', monday))
      await writer.write(attempted('atm_2', thursday))
      await writer.write(elsewhere.reduce(merge, attempted('atm_3', thursday)))
      await writer.write(elsewhere.reduce(merge, attempted('atm_4', monday)))

      expect(await laid()).toEqual([
        { attempt: 'dlv_1 atm_1', accepted_at: new Date(monday) },
        { attempt: 'dlv_1 atm_2', accepted_at: new Date(thursday) },
        { attempt: 'dlv_1 atm_3', accepted_at: new Date(thursday) },
        { attempt: 'dlv_1 atm_4', accepted_at: new Date(monday) },
        { attempt: 'dlv_2 atm_8', accepted_at: new Date(monday) },
        { attempt: 'dlv_3 atm_9', accepted_at: new Date(thursday) },
      ])
    })

    it('gives the same tables where one round tells of both, as a rebuild of a quiet log has it', async () => {
      const told = (attemptId: string, acceptedAt: number): ReadModelRows =>
        merge(attempted(attemptId, acceptedAt), rows({ events: [anEventRow({ acceptedAt })] }))
      await writer.write(told('atm_1', monday))
      await writer.write(told('atm_2', thursday))
      const asItHappened = await everything()

      await test.database.query('truncate events, fan_outs, deliveries, attempts')
      const { balance } = await writer.write(merge(told('atm_2', thursday), told('atm_1', monday)))

      expect(await everything()).toEqual(asItHappened)
      expect(balance).toMatchObject({ accepted: 2, requested: 2, delivered: 2 })
    })

    it('leaves no attempt behind where one round tells of both, and of an earlier acceptance of the second', async () => {
      const evening = thursday - DAY_MS / 2
      await writer.write(attempted('atm_1', thursday))
      await writer.write(
        [attempted('atm_2', monday), attempted('atm_3', thursday), attempted('atm_4', evening)].reduce(merge),
      )

      expect(await laid()).toEqual([
        { attempt: 'dlv_1 atm_1', accepted_at: new Date(evening) },
        { attempt: 'dlv_1 atm_2', accepted_at: new Date(monday) },
        { attempt: 'dlv_1 atm_3', accepted_at: new Date(evening) },
        { attempt: 'dlv_1 atm_4', accepted_at: new Date(evening) },
      ])
    })
  })

  it('goes on where an attempt lies already where it is to be laid', async () => {
    const [noon, evening] = [NOON, NOON + DAY_MS / 2]
    const attempted = (id: string, acceptedAt: number) =>
      rows({
        deliveries: statesFrom(anAttempted({ attemptId: id, delivery: aRef({ acceptedAt }) })),
        attempts: [anAttemptRow({ id, acceptedAt })],
      })
    await writer.write(attempted('atm_2', evening))
    await writer.write(rows({ attempts: [anAttemptRow({ id: 'atm_2', acceptedAt: noon })] }))

    await writer.write(attempted('atm_1', noon))

    expect(await test.database.query('select id, accepted_at from attempts order by id')).toEqual([
      { id: 'atm_1', accepted_at: new Date(noon) },
      { id: 'atm_2', accepted_at: new Date(noon) },
    ])
  })

  it('keeps events of two accounts apart that have the same id', async () => {
    const two = rows({ events: [anEventRow(), anEventRow({ accountId: 'acc_2', acceptedAt: NOON + 1 })] })
    await writer.write(two)
    await writer.write(two)

    expect(await test.database.query('select account_id from events order by 1')).toEqual([
      { account_id: 'acc_1' },
      { account_id: 'acc_2' },
    ])
  })

  it('keeps the first of two decisions about one event', async () => {
    const first = { ...fanOut, matches: { matched: ['whk_1'], unmatched: [] } }
    const second = { ...fanOut, decidedAt: NOON + 9, matches: { matched: ['whk_1', 'whk_2'], unmatched: [] } }

    await writer.write(rows({ fanOuts: [second] }))
    await writer.write(rows({ fanOuts: [first] }))
    await writer.write(rows({ fanOuts: [second] }))

    const [row] = await test.database.query<{ matches: string }>('select matches from fan_outs')
    expect(JSON.parse(row!.matches)).toEqual(first.matches)
  })

  /** What writes of events that were accepted, and fanned out, at these times add to the balance. */
  async function balanceOf(times: [acceptedAt: number, accountId: string][], portioned = inOrder) {
    const matches = { matched: [], unmatched: [] }
    const told = times.map(([acceptedAt, accountId]) =>
      rows({
        events: [anEventRow({ acceptedAt, accountId })],
        fanOuts: [{ accountId, eventId: 'evt_1', acceptedAt, decidedAt: acceptedAt + 5, matches }],
      }),
    )
    const balance = { accepted: 0, fanned_out: 0 }
    for (const portion of portioned(told)) {
      const written = await writer.write(portion)
      balance.accepted += written.balance.accepted
      balance.fanned_out += written.balance.fanned_out
    }
    return balance
  }
  const inOrder = (portions: ReadModelRows[]) => portions
  const atOnce = (portions: ReadModelRows[]) => [portions.reduce(merge)]

  describe.each([
    ['at once', atOnce],
    ['in order', inOrder],
    ['in the other order', (portions: ReadModelRows[]) => portions.toReversed()],
    ['again and again', (portions: ReadModelRows[]) => [portions.reduce(merge), ...portions]],
  ])('counts an event that was accepted and fanned out twice, told of %s,', (_, portioned) => {
    it.each([
      ['as one within a day', DAY_MS, 1],
      ['as two further apart', DAY_MS + 1, 2],
    ])('%s', async (_, apart, expected) => {
      const balance = await balanceOf(
        [
          [NOON, 'acc_1'],
          [NOON + apart, 'acc_1'],
          [NOON + 1, 'acc_2'],
        ],
        portioned,
      )
      expect(balance).toEqual({ accepted: expected + 1, fanned_out: expected + 1 })
      expect(await test.database.query('select 1 from fan_outs')).toHaveLength(3)
    })
  })

  it.each([
    ['one by one', inOrder],
    ['at once', atOnce],
  ])('counts an event that comes every 22 hours as one within a day of its first time, told of %s', async (_, by) => {
    const times = Array.from({ length: 5 }, (_, n): [number, string] => [NOON + n * 22 * 3_600_000, 'acc_1'])
    // Hours 0 and 22, 44 and 66, 88.
    expect(await balanceOf(times, by)).toEqual({ accepted: 3, fanned_out: 3 })
  })

  it('enters chains that one round tells of as it would those of four', async () => {
    const requested = (chain: number) =>
      aRedeliveryRequested({ delivery: aRef({ chain, trigger: 'redelivery' }), at: NOON + chain })
    const facts = [anAttempted(), requested(1), requested(2), aFannedOut()]

    const { balance } = await writer.write(deliveriesOf(...facts))
    expect(balance).toMatchObject({ requested: 3, replaced: 1, delivered: 1 })

    await test.database.query('truncate deliveries')
    for (const fact of facts) {
      const written = await writer.write(deliveriesOf(fact))
      for (const [entry, count] of Object.entries(written.balance)) balance[entry as BalanceEntry] -= count
    }
    expect(balance).toEqual(emptyBalance())
  })

  it('stores an empty answer as one, whether it comes alone or beside others, and none as none', async () => {
    const empty = (id: string) => anAttemptRow({ id, response: { status: 204, headers: {}, body: '' } })
    const none = (id: string) => anAttemptRow({ id, outcome: 'failed', reason: 'timeout', response: null })
    const rounds = [[empty('atm_1')], [none('atm_2')], [empty('atm_3'), none('atm_4')]]
    for (const attempts of rounds) await writer.write(rows({ attempts }))
    expect(await test.database.query('select id, response_body as body from attempts order by id')).toEqual([
      { id: 'atm_1', body: '' },
      { id: 'atm_2', body: null },
      { id: 'atm_3', body: '' },
      { id: 'atm_4', body: null },
    ])
  })

  it('stores whatever a receiver answered', async () => {
    const response = {
      status: 500,
      headers: { 'x-odd': 'a\0b' },
      body: 'nul \0, half \ud83d, whole \ud83d\ude00, \\u0000',
    }

    await writer.write(rows({ attempts: [anAttemptRow({ response })] }))

    const [row] = await test.database.query<{ response_body: string; response_headers: string }>(
      'select response_body, response_headers from attempts',
    )
    expect(row!.response_body).toBe('nul \ufffd, half \ufffd, whole \ud83d\ude00, \\u0000')
    expect(JSON.parse(row!.response_headers)).toEqual({ 'x-odd': 'a\0b' })
  })

  // A kept plan may be of a young day, and one that was made anew of statistics under which a whole index looks cheap.
  it('finds known rows by their key in a day that grows, and reads no index from end to end', async () => {
    const accounts = Array.from({ length: 4 }, () => newId('acc'))
    for (let round = 0; round < 40; round++) {
      const ids = Array.from({ length: 100 }, () => newId('evt'))
      const facts = ids.map((id) => aFannedOut({ matched: [{ deliveryId: `dlv_${id}`, webhookId: 'whk_1' }] }))
      await writer.write(
        rows({
          events: ids.map((id, i) =>
            anEventRow({
              id,
              accountId: accounts[i % 4]!,
              type: eventTypes[i % 5]!,
              acceptedAt: NOON + 250 * round + i,
            }),
          ),
          fanOuts: ids.map((eventId, i) => {
            const acceptedAt = NOON + 250 * round + i
            const matches = { matched: ['whk_1'], unmatched: [] }
            return { eventId, accountId: accounts[i % 4]!, acceptedAt, decidedAt: acceptedAt, matches }
          }),
          deliveries: facts.flatMap(statesFrom),
        }),
      )
      if (round === 20) await test.database.query('vacuum analyze')
    }

    await test.database.query('select pg_stat_force_next_flush()')
    const read = await test.database.query<{ name: string }>(
      `select indexrelname as name from pg_stat_user_indexes
       where relname ~ '^(events|fan_outs|deliveries)_2' and idx_scan > 0 order by 1`,
    )
    expect(read.map(({ name }) => name)).toEqual(
      ['deliveries', 'events', 'fan_outs'].map((table) => `${table}_20240115_pkey`),
    )
    const readWhole = await test.database.query(
      `select relname, seq_tup_read from pg_stat_user_tables
       where relname ~ '^(events|fan_outs|deliveries)_2' and seq_tup_read > 0`,
    )
    expect(readWhole).toEqual([])
  })

  it('writes a backlog of any length in bounded statements', async () => {
    const matched = Array.from({ length: 4_500 }, (_, i) => ({ deliveryId: `dlv_${i}`, webhookId: 'whk_1' }))

    const written = await writer.write(deliveriesOf(aFannedOut({ matched })))

    expect(written.rows.deliveries).toBe(4_500)
    expect(await test.database.query('select count(*)::int from deliveries')).toEqual([{ count: 4_500 }])
  })
})

function merge(a: ReadModelRows, b: ReadModelRows): ReadModelRows {
  return rows({
    events: [...a.events, ...b.events],
    fanOuts: [...a.fanOuts, ...b.fanOuts],
    deliveries: [...a.deliveries, ...b.deliveries],
    attempts: [...a.attempts, ...b.attempts],
  })
}
