import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type EventType, type ReplayChoice, operationalEvent, operationalEventBody } from '#domain'
import { NOON } from '../read-models/builders.testing.js'
import { type TestDatabase, createTestDatabase } from '../test-database.testing.js'
import { type ReplayFilter, beginningOf, chosenAfter, countChosen } from './replay-selection.js'
import { type PastEvent, WEBHOOK, anAccountWith } from './replayed-account.testing.js'

const DAY_MS = 86_400_000
/** Over three days, two of each in the same millisecond. */
const acceptedAt = (n: number) => NOON + Math.floor(n / 2) * (DAY_MS / 2)

const PAST: PastEvent[] = (
  [undefined, 'delivered', 'exhausted', 'expired', 'gone', 'cancelled', 'waiting', undefined] as const
).map((end, n) => ({ id: `evt_${n}`, acceptedAt: acceptedAt(n), ...(end !== undefined && { end }) }))

/** Of an account of its own: nobody got them when they came first, and when they came again they were not delivered. */
const AGAIN = (
  [
    ['evt_at_once', 20 * 60_000],
    ['evt_next_day', DAY_MS],
    ['evt_another', DAY_MS + 1],
  ] as const
).map(([id, laterMs]): PastEvent => {
  return { id, acceptedAt: NOON, accountId: 'acc_4', end: 'exhausted', chain: 2, deliveredAt: NOON + laterMs }
})

/** The other webhook's name looks as if it were the replayed one's event. */
function aboutWebhook(id: string, webhookId: string): PastEvent {
  const webhook = { id: webhookId, name: `"data":{"webhook":{"id":"${WEBHOOK}"`, url: 'https://example.com/' }
  const changed = { change: 'disabled' as const, at: NOON, webhook, reason: 'gone' as const, failingSince: null }
  return {
    id,
    acceptedAt: acceptedAt(2),
    type: 'webhook.disabled',
    body: operationalEventBody(operationalEvent(id, changed)),
  }
}

const aFilter = (change: Partial<ReplayFilter> = {}): ReplayFilter => ({
  accountId: 'acc_1',
  webhookId: WEBHOOK,
  choice: 'all',
  types: ['context.updated'],
  since: NOON,
  until: NOON + 10 * DAY_MS,
  ...change,
})

describe('choosing what to replay', () => {
  let test: TestDatabase
  beforeAll(async () => {
    test = await createTestDatabase()
    await anAccountWith(test.database, [
      ...PAST,
      { id: 'evt_other_type', acceptedAt: acceptedAt(3), type: 'context.created', end: 'exhausted', chain: 4 },
      ...[WEBHOOK, 'whk_other'].map((id) => aboutWebhook(`evt_about_${id}`, id)),
      { id: 'evt_strange', acceptedAt: acceptedAt(3), accountId: 'acc_2' },
      ...AGAIN,
    ])
  })
  afterAll(() => test.close())

  async function walked(filter: ReplayFilter, limit: number) {
    const pages = []
    let after = beginningOf(filter)
    for (;;) {
      const page = await chosenAfter(test.database, filter, after, limit)
      pages.push(...page.events)
      if (page.next === null) return pages
      after = page.next
    }
  }
  const ids = async (change: Partial<ReplayFilter>, limit = 100) =>
    (await walked(aFilter(change), limit)).map(({ id }) => id)

  it.each<[ReplayChoice, string[]]>([
    ['failed', ['evt_2', 'evt_3', 'evt_4']],
    ['missed', ['evt_0', 'evt_5', 'evt_7']],
    ['all', ['evt_0', 'evt_1', 'evt_2', 'evt_3', 'evt_4', 'evt_5', 'evt_7']],
  ])('takes for "%s" what it means, oldest first, and counts the same', async (choice, expected) => {
    expect(await ids({ choice })).toEqual(expected)
    expect(await countChosen(test.database, aFilter({ choice }))).toEqual({ count: expected.length, isAll: true })
  })

  it.each([1, 2, 3, 7])('takes every event once in pages of %i, also those of one millisecond', async (limit) => {
    expect(await ids({ choice: 'all' }, limit)).toEqual(await ids({ choice: 'all' }))
  })

  it('takes everything for a webhook that was created later', async () => {
    const later = { webhookId: 'whk_new', choice: 'missed' as const }
    expect(await ids(later, 3)).toEqual(PAST.map(({ id }) => id))
    expect(await countChosen(test.database, aFilter(later))).toEqual({ count: PAST.length, isAll: true })
  })

  it('takes the times from inclusive to exclusive', async () => {
    expect(await ids({ choice: 'all', since: acceptedAt(2), until: acceptedAt(4) })).toEqual(['evt_2', 'evt_3'])
  })

  it('takes only the types that were asked for, and tells the latest chain', async () => {
    const types: EventType[] = ['context.created']
    expect(await walked(aFilter({ choice: 'failed', types }), 10)).toEqual([
      { id: 'evt_other_type', type: 'context.created', acceptedAt: acceptedAt(3), chain: 4 },
    ])
  })

  it('takes no event about the webhook itself, and does not count it', async () => {
    const asked = { choice: 'missed' as const, types: ['webhook.disabled' as const] }
    expect(await ids(asked)).toEqual(['evt_about_whk_other'])
    expect(await countChosen(test.database, aFilter(asked))).toEqual({ count: 1, isAll: true })
  })

  it('knows the delivery of an event that came again within a day and was delivered only then', async () => {
    const at = (choice: ReplayChoice) => aFilter({ accountId: 'acc_4', choice, until: NOON + 1 })

    const failed = await walked(at('failed'), 10)
    expect(failed.map(({ id, acceptedAt, chain }) => [id, acceptedAt, chain])).toEqual([
      ['evt_at_once', NOON, 2],
      ['evt_next_day', NOON, 2],
    ])
    expect((await walked(at('missed'), 10)).map(({ id }) => id)).toEqual(['evt_another'])
    expect(await countChosen(test.database, at('failed'))).toEqual({ count: 2, isAll: true })
    expect(await countChosen(test.database, at('missed'))).toEqual({ count: 1, isAll: true })
  })

  it('finds nothing where there is nothing', async () => {
    expect(await ids({ since: NOON - 3 * DAY_MS, until: NOON })).toEqual([])
    expect(await countChosen(test.database, aFilter({ accountId: 'acc_3' }))).toEqual({ count: 0, isAll: true })
  })
})

describe('choosing from a long log', () => {
  let test: TestDatabase
  const many = 25_000
  /** Among what was delivered, so that there is much to the same webhook before and after each. */
  const undelivered = Array.from({ length: 1_000 }, (_, n): PastEvent => {
    return { id: `evt_created_${n}`, acceptedAt: NOON + n * 100 + 5, type: 'context.created' }
  })
  beforeAll(async () => {
    test = await createTestDatabase()
    const events = Array.from({ length: many }, (_, n): PastEvent => {
      const end = n === 3 || n === many - 1 ? 'exhausted' : 'delivered'
      return { id: `evt_${n}`, acceptedAt: NOON + n * 10, end }
    })
    await anAccountWith(test.database, [...events, ...undelivered])
  })
  afterAll(() => test.close())

  it('goes on where a stretch held nothing, and counts over all of them', async () => {
    const filter = aFilter({ choice: 'failed' })
    const found: string[] = []
    let [pages, after] = [0, beginningOf(filter)]
    for (;;) {
      const { events, next } = await chosenAfter(test.database, filter, after, 500)
      found.push(...events.map(({ id }) => id))
      if (next === null) break
      after = next
      pages++
    }
    expect(found).toEqual(['evt_3', `evt_${many - 1}`])
    expect(pages).toBeGreaterThan(5)
    expect(await countChosen(test.database, filter)).toEqual({ count: 2, isAll: true })
    expect(await countChosen(test.database, aFilter({ choice: 'all' }))).toEqual({ count: many, isAll: true })
  })

  it('counts no further than it is let', async () => {
    let portions = 0
    const counted = await countChosen(test.database, aFilter({ choice: 'all' }), () => portions++ === 2)
    expect(counted.isAll).toBe(false)
    expect(counted.count).toBeGreaterThan(0)
    expect(counted.count).toBeLessThan(many)
  })

  it('reads a few rows for each event that has no delivery, and not a day of others', async () => {
    const rowsRead = async () => {
      await test.database.query('select pg_stat_force_next_flush()')
      const [read] = await test.database.query<{ rows: number }>(
        `select sum(seq_tup_read + idx_tup_fetch)::int as rows from pg_stat_user_tables where relname like 'deliveries_2%'`,
      )
      return read!.rows
    }
    const before = await rowsRead()

    const missed = aFilter({ choice: 'missed', types: ['context.created'] })
    expect(await countChosen(test.database, missed)).toEqual({ count: undelivered.length, isAll: true })

    expect((await rowsRead()) - before).toBeLessThan(3 * undelivered.length)
  })
})
