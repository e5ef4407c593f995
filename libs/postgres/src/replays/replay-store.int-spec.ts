import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Fact, deliveryIdFor } from '#domain'
import { NOON, aDeferred, aRedeliveryRequested, aRef, anAttempted } from '../read-models/builders.testing.js'
import { statesFrom } from '../read-models/delivery-state.js'
import { RedeliveryStore } from '../redeliveries/redelivery-store.js'
import { type TestDatabase, createTestDatabase } from '../test-database.testing.js'
import type { ReplayPage } from './replay-row.js'
import { type NewReplay, ReplayStore } from './replay-store.js'
import { type PastEvent, WEBHOOK, alsoKnown, anAccountWith } from './replayed-account.testing.js'

const DAY_MS = 86_400_000

const aReplay = (change: Partial<NewReplay> = {}): NewReplay => ({
  id: 'rpl_1',
  accountId: 'acc_1',
  webhookId: WEBHOOK,
  choice: 'all',
  types: ['context.updated'],
  since: NOON,
  until: NOON + DAY_MS,
  ratePerSecond: 100,
  logEnds: { 'delivery-log': [{ partition: 0, end: 12 }] },
  matched: 0,
  createdAt: NOON + DAY_MS,
  ...change,
})

const EVENTS: PastEvent[] = Array.from({ length: 5 }, (_, n) => ({
  id: `evt_${n}`,
  acceptedAt: NOON + n * 1_000,
  ...(n > 0 && { end: 'exhausted' as const, chain: n }),
}))

describe('a stored replay', () => {
  let test: TestDatabase
  let store: ReplayStore
  beforeEach(async () => {
    test = await createTestDatabase()
    store = new ReplayStore(test.database)
    await anAccountWith(test.database, EVENTS)
  })
  afterEach(() => test.close())

  /** Created, held by `me` and running. */
  async function running(change: Partial<NewReplay> = {}) {
    const replay = aReplay(change)
    await store.create(replay)
    await store.claim('me', 10)
    await store.started('me', replay.id, 5)
    return replay
  }
  const names = (page: ReplayPage | null) => page?.deliveries.map(({ eventId, chain }) => `${eventId}/${chain}`)
  /** As if a replica had died long ago. */
  const letTheHoldEnd = () => test.database.query("update replays set held_until = now() - interval '1 second'")

  it('is what was asked for, and another account’s is unknown', async () => {
    await store.create(aReplay())
    expect(await store.find('acc_1', 'rpl_1')).toMatchObject({
      ...aReplay(),
      state: 'waiting',
      detail: null,
      sent: 0,
      position: { acceptedAt: NOON, eventId: '' },
      page: null,
      startedAt: null,
      endedAt: null,
    })
    expect(await store.find('acc_2', 'rpl_1')).toBeNull()
    expect(await store.command('acc_2', 'rpl_1', 'cancel')).toBeNull()
  })

  it('is refused beside twenty that are not over', async () => {
    for (let n = 0; n < 20; n++) expect(await store.create(aReplay({ id: `rpl_${n}` }))).toBe(true)
    expect(await store.create(aReplay({ id: 'rpl_20' }))).toBe(false)
    await store.command('acc_1', 'rpl_7', 'cancel')
    expect(await store.create(aReplay({ id: 'rpl_20' }))).toBe(true)
  })

  it('is held by one replica, until that one has been silent for too long', async () => {
    await store.create(aReplay())
    const claims = await Promise.all(['me', 'you'].map((holder) => store.claim(holder, 10)))
    expect(claims.flat()).toEqual(['rpl_1'])
    const [winner, other] = claims[0]!.length > 0 ? ['me', 'you'] : ['you', 'me']
    expect(await store.claim(winner!, 10)).toEqual(['rpl_1'])
    expect(await store.claim(other!, 10)).toEqual([])

    await letTheHoldEnd()

    expect(await store.claim(other!, 10)).toEqual(['rpl_1'])
    expect(await store.held(winner!, 'rpl_1')).toBeNull()
    expect(await store.held(other!, 'rpl_1')).toMatchObject({ id: 'rpl_1' })
  })

  it('has no more than two places of its account beside it, and stands behind no second one of another account', async () => {
    await test.database.query("insert into accounts values ('acc_2', 'B', 'b@example.com', now())")
    for (let n = 0; n < 5; n++) await store.create(aReplay({ id: `rpl_${n}`, createdAt: NOON + n }))
    expect((await store.claim('me', 10)).sort()).toEqual(['rpl_0', 'rpl_1'])
    await store.create(aReplay({ id: 'rpl_other', accountId: 'acc_2', createdAt: NOON + 9 }))

    expect(await store.claim('you', 2)).toEqual(expect.arrayContaining(['rpl_2', 'rpl_other']))
    expect((await store.claim('me', 10)).sort()).toEqual(['rpl_0', 'rpl_1'])

    await store.command('acc_1', 'rpl_0', 'cancel')
    expect((await store.claim('me', 10)).sort()).toEqual(['rpl_1', 'rpl_3'])
  })

  it('has its turn beside older ones that rest, which come after those that had none', async () => {
    await test.database.query("insert into accounts values ('acc_2', 'B', 'b@example.com', now())")
    for (let n = 0; n < 5; n++) await store.create(aReplay({ id: `rpl_${n}`, createdAt: NOON + n }))
    const claimedAndRested = async (places: number) => {
      const claimed = await store.claim('me', places)
      for (const id of claimed.sort()) await store.rest('me', id, 0)
      return claimed
    }
    expect(await claimedAndRested(10)).toEqual(['rpl_0', 'rpl_1'])
    expect(await claimedAndRested(10)).toEqual(['rpl_2', 'rpl_3'])
    expect(await claimedAndRested(10)).toEqual(['rpl_0', 'rpl_4'])
    expect(await claimedAndRested(10)).toEqual(['rpl_1', 'rpl_2'])

    await store.create(aReplay({ id: 'rpl_other', accountId: 'acc_2', createdAt: NOON + 9 }))
    expect(await claimedAndRested(1)).toEqual(['rpl_other'])
    expect(await claimedAndRested(1)).toEqual(['rpl_3'])
  })

  it('takes a place by its rate: many slow ones do not keep a quick one waiting', async () => {
    const accounts = Array.from({ length: 24 }, (_, n) => `acc_of_${n}`)
    for (const [n, accountId] of accounts.entries()) {
      await test.database.query("insert into accounts values ($1, 'B', 'b@example.com', now())", [accountId])
      const ratePerSecond = n < 20 ? 1 : 1_000
      await store.create(aReplay({ id: `rpl_of_${n}`, accountId, ratePerSecond, createdAt: NOON + n }))
    }
    expect(await store.claim('me', 2)).toHaveLength(10)
    expect(await store.claim('me', 4)).toHaveLength(20)
    expect((await store.claim('me', 6)).slice().sort()).toEqual(
      Array.from({ length: 22 }, (_, n) => `rpl_of_${n}`).sort(),
    )
    expect(await store.claim('you', 1)).toEqual(['rpl_of_22'])
  })

  it('is free at once when its replica says that it leaves', async () => {
    await store.create(aReplay())
    await store.claim('me', 10)
    await store.release('me')
    expect(await store.claim('you', 10)).toEqual(['rpl_1'])
  })

  it('goes through its pages and is done', async () => {
    await running()
    const first = await store.plan('me', 'rpl_1', 3, 0)
    expect(names(first)).toEqual(['evt_0/0', 'evt_1/2', 'evt_2/3'])
    await store.pageSent('me', 'rpl_1', first!, 3, [])
    const second = await store.plan('me', 'rpl_1', 3, 0)
    expect(names(second)).toEqual(['evt_3/4', 'evt_4/5'])
    await store.pageSent('me', 'rpl_1', second!, 2, [])
    expect(await store.plan('me', 'rpl_1', 3, 0)).toBeNull()

    expect(await store.find('acc_1', 'rpl_1')).toMatchObject({ state: 'done', matched: 5, sent: 5, page: null })
    expect(await store.claim('me', 10)).toEqual([])
  })

  it('sends the very same page again after a crash, whatever the read models have learnt since', async () => {
    await running()
    const planned = await store.plan('me', 'rpl_1', 3, 0)
    await anAccountWith(test.database, [{ ...EVENTS[1]!, chain: 2, end: 'delivered' }])
    await letTheHoldEnd()

    await store.claim('you', 10)

    expect((await store.held('you', 'rpl_1'))?.page).toEqual(planned)
    expect(await store.plan('you', 'rpl_1', 3, 0)).toBeNull()
    // The replica that was thought dead and was only slow.
    await store.pageSent('me', 'rpl_1', planned!, 3, [])
    expect((await store.held('you', 'rpl_1'))?.sent).toBe(0)
    await store.pageSent('you', 'rpl_1', planned!, 3, [])
    await store.pageSent('you', 'rpl_1', planned!, 3, [])
    expect((await store.held('you', 'rpl_1'))?.sent).toBe(3)
  })

  it('keeps a page that was not sent from whoever sent an earlier one, and holds the replay again by now', async () => {
    await running()
    await store.plan('me', 'rpl_1', 2, 0)
    const first = (await store.held('me', 'rpl_1'))!.page!
    // The replica is cut off while it sends. Another one sends the same page, plans the next and stops.
    await letTheHoldEnd()
    await store.claim('you', 10)
    await store.pageSent('you', 'rpl_1', first, 2, [])
    const second = await store.plan('you', 'rpl_1', 2, 0)
    await store.release('you')
    await store.claim('me', 10)

    await store.pageSent('me', 'rpl_1', first, 2, [])

    const kept = await store.held('me', 'rpl_1')
    expect(kept).toMatchObject({ sent: 2, position: first.next, page: second })
    await store.pageSent('me', 'rpl_1', kept!.page!, 2, [])
    expect(await store.held('me', 'rpl_1')).toMatchObject({ sent: 4, position: second!.next, page: null })
  })

  it('gives chains their numbers where redeliveries get theirs, and leaves out what was asked for meanwhile', async () => {
    const redeliveries = new RedeliveryStore(test.database)
    const underWay = deliveryIdFor('evt_1', WEBHOOK)
    await redeliveries.request(underWay, 1, '{}', NOON + 1_000)
    await redeliveries.sent({ deliveryId: underWay, chain: 2 })
    await redeliveries.request(deliveryIdFor('evt_2', WEBHOOK), 2, '{}', NOON + 2_000)
    await running()

    expect(names(await store.plan('me', 'rpl_1', 10, 0))).toEqual(['evt_0/0', 'evt_3/4', 'evt_4/5'])
    expect(await redeliveries.request(deliveryIdFor('evt_3', WEBHOOK), 3, '{}', NOON + 3_000)).toBe(5)
  })

  it('sends an event whose id was accepted, and redelivered, days before as well', async () => {
    const thursday = NOON + 3 * DAY_MS
    const id = deliveryIdFor('evt_again', WEBHOOK)
    await anAccountWith(test.database, [{ id: 'evt_again', acceptedAt: NOON, end: 'delivered' }])
    const redeliveries = new RedeliveryStore(test.database)
    await redeliveries.request(id, 0, '{}', NOON)
    await redeliveries.sent({ deliveryId: id, chain: 1 })
    await anAccountWith(test.database, [{ id: 'evt_again', acceptedAt: thursday, end: 'exhausted' }])
    const range = { since: thursday - 1_000, until: thursday + 1_000 }
    const replay = await running({ choice: 'failed', ...range })
    expect(await store.count(replay, () => false)).toEqual({ count: 1, isAll: true })
    expect(names(await store.plan('me', replay.id, 10, 0))).toEqual(['evt_again/2'])

    // Asked for already, by the same number: its chain runs.
    await store.command('acc_1', replay.id, 'cancel')
    const again = await running({ id: 'rpl_again', choice: 'failed', ...range })
    expect(names(await store.plan('me', again.id, 10, 0))).toEqual([])
  })

  it('gives each of two events a number of its own that came under one id, days apart, and are in one page', async () => {
    const thursday = NOON + 3 * DAY_MS
    const twice = (id: string, end: 'exhausted' | undefined): PastEvent[] =>
      [NOON, thursday].map((acceptedAt) => ({ id, acceptedAt, ...(end && { end }) }))
    await anAccountWith(test.database, [...twice('evt_again', 'exhausted'), ...twice('evt_missed', undefined)])
    await running({ until: thursday + 1_000 })

    const page = await store.plan('me', 'rpl_1', 20, 0)

    const ofBoth = page!.deliveries.filter(({ eventId }) => ['evt_again', 'evt_missed'].includes(eventId))
    expect(ofBoth.map(({ eventId, chain, acceptedAt }) => [eventId, chain, acceptedAt])).toEqual([
      ['evt_again', 1, NOON],
      ['evt_missed', 0, NOON],
      ['evt_again', 2, thursday],
      ['evt_missed', 0, thursday],
    ])
  })

  it('leaves out what is no longer kept', async () => {
    await running()
    expect(names(await store.plan('me', 'rpl_1', 10, NOON + 2_500))).toEqual(['evt_3/4', 'evt_4/5'])
  })

  it('finishes its page when it is paused, and plans no other', async () => {
    await running()
    const page = await store.plan('me', 'rpl_1', 2, 0)
    expect(await store.command('acc_1', 'rpl_1', 'pause')).toMatchObject({ isFollowed: true })
    expect(await store.claim('me', 10)).toEqual(['rpl_1'])
    await store.pageSent('me', 'rpl_1', page!, 2, [])
    expect(await store.claim('me', 10)).toEqual([])
    expect(await store.plan('me', 'rpl_1', 2, 0)).toBeNull()

    const resumed = await store.command('acc_1', 'rpl_1', 'resume')

    expect(resumed?.replay).toMatchObject({ state: 'running', sent: 2 })
    expect(names(await store.plan('me', 'rpl_1', 2, 0))).toEqual(['evt_2/3', 'evt_3/4'])
  })

  it('follows no command that has no meaning, and says in which state it is', async () => {
    await running()
    expect(await store.command('acc_1', 'rpl_1', 'resume')).toMatchObject({
      isFollowed: false,
      replay: { state: 'running' },
    })
    await store.command('acc_1', 'rpl_1', 'cancel')
    expect(await store.command('acc_1', 'rpl_1', 'pause')).toMatchObject({
      isFollowed: false,
      replay: { state: 'cancelled', endedAt: expect.any(Number) as number },
    })
  })

  it('is halted with the reason, which a resume takes away', async () => {
    await running()
    await store.halt('me', 'rpl_1', 'paused', 'The webhook was disabled.')
    expect(await store.find('acc_1', 'rpl_1')).toMatchObject({ state: 'paused', detail: 'The webhook was disabled.' })
    expect(await store.command('acc_1', 'rpl_1', 'resume')).toMatchObject({ replay: { detail: null } })
  })

  it('finds the texts of a page', async () => {
    await running()
    const page = await store.plan('me', 'rpl_1', 2, 0)
    expect(await store.bodies('acc_1', page!.deliveries)).toEqual(
      new Map([
        [`evt_0/${NOON}`, '{"id":"evt_0"}'],
        [`evt_1/${NOON + 1_000}`, '{"id":"evt_1"}'],
      ]),
    )
  })

  it('keeps what is on its way, whoever goes on with it', async () => {
    await running()
    const mark = { eventId: 'evt_1', acceptedAt: NOON + 1_000, chain: 2, sent: 2 }
    await store.pageSent('me', 'rpl_1', (await store.plan('me', 'rpl_1', 2, 0))!, 2, [mark])
    await letTheHoldEnd()
    await store.claim('you', 10)
    expect((await store.held('you', 'rpl_1'))?.ahead).toEqual([mark])

    await store.plan('you', 'rpl_1', 2, 0, [])
    expect((await store.held('you', 'rpl_1'))?.ahead).toEqual([])
  })

  it('that rests gives its place away and is held by nobody until then, or until it is asked to go on', async () => {
    await running()
    await store.rest('me', 'rpl_1', 60_000)
    expect(await store.held('me', 'rpl_1')).toBeNull()
    expect(await store.claim('me', 10)).toEqual([])
    await letTheHoldEnd()
    expect(await store.claim('you', 10)).toEqual(['rpl_1'])

    await store.rest('you', 'rpl_1', 60_000)
    await store.command('acc_1', 'rpl_1', 'pause')
    await store.command('acc_1', 'rpl_1', 'resume')
    expect(await store.claim('me', 10)).toEqual(['rpl_1'])
  })

  it('knows what of it was started: attempted, ended, or replaced by a later chain', async () => {
    const planned = (event: number, chain: number) => ({
      eventId: `evt_${event}`,
      eventType: 'context.updated' as const,
      acceptedAt: NOON,
      chain,
    })
    const delivery = aRef({ deliveryId: deliveryIdFor('evt_0', WEBHOOK), eventId: 'evt_0', acceptedAt: NOON })
    const learn = (fact: Fact) => alsoKnown(test.database, statesFrom(fact))
    expect(await store.wasStarted(WEBHOOK, planned(0, 0))).toBe(false)
    await learn(aRedeliveryRequested({ delivery }))
    await learn(aDeferred({ delivery, attempt: 1 }))
    expect(await store.wasStarted(WEBHOOK, planned(0, 0))).toBe(false)
    await learn(anAttempted({ delivery, next: { kind: 'retry', attempt: 2, notBefore: NOON + 10_000 } }))
    expect(await store.wasStarted(WEBHOOK, planned(0, 0))).toBe(true)

    expect(await store.wasStarted(WEBHOOK, planned(1, 1))).toBe(true)
    expect(await store.wasStarted(WEBHOOK, planned(1, 2))).toBe(false)
    expect(await store.wasStarted(WEBHOOK, planned(2, 1))).toBe(true)
    // The row is of another event, days before.
    expect(await store.wasStarted(WEBHOOK, { ...planned(2, 1), acceptedAt: NOON + 3 * DAY_MS })).toBe(false)
  })

  it('is forgotten when it has been over for long', async () => {
    await running()
    await store.command('acc_1', 'rpl_1', 'cancel')
    await running({ id: 'rpl_2' })
    await test.database.query("update replays set ended_at = ended_at - interval '31 days'")
    expect(await store.forgetEnded(30 * DAY_MS)).toBe(1)
    expect(await store.find('acc_1', 'rpl_1')).toBeNull()
    expect(await store.find('acc_1', 'rpl_2')).not.toBeNull()
  })
})
