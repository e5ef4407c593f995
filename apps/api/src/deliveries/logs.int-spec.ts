import { connect } from 'node:net'
import { afterAll, beforeAll, describe, expect, inject, it, vi } from 'vitest'
import { deliveryIdFor } from '#domain'
import { TopicMap, encodeFact } from '#topics'
import { BatchingProducer, KafkaConnection } from '#kafka'
import { PartitionStore, ReadModelWriter } from '#postgres'
import { aDeliveryRef, anAttempted } from '../../../../libs/domain/src/builders.testing.js'
import { type Answer, TestApi } from '../http/test-api.testing.js'

const CONTEXT = {
  id: '550e8400-e29b-41d4-a716-446655440000',
  name: 'My AI Assistant',
  slug: 'my-ai-assistant',
  updated_at: '2024-01-15T14:45:00Z',
}
const NUMBERS = [0, 1, 2, 3, 4]
const DAY_MS = 86_400_000

/** What a reader of these tests looks at; the OpenAPI document holds the rest. */
interface Read {
  data: { id: string; status: string; type: string }[]
  next_cursor: string | null
  [field: string]: unknown
}

describe('the logs that customers read', () => {
  let api: TestApi
  let producer: BatchingProducer
  let webhookId: string
  const eventId = (n: number) => `evt_0000000${n}`
  const deliveryId = (n: number) => deliveryIdFor(eventId(n), webhookId)

  beforeAll(async () => {
    api = await TestApi.start({ kafkaBrokers: inject('kafkaBrokers'), databaseUrl: inject('databaseUrl') })
    const silent = () => undefined
    const log = { debug: silent, info: silent, warn: silent, error: silent }
    producer = new BatchingProducer(new KafkaConnection({ ...api.config.kafka, clientId: 'test' }, log), {
      idempotent: true,
    })
    await producer.start()
    const created = await api.ask('POST', '/v1/webhooks', {
      body: { name: 'n', url: 'https://example.com/webhook', events: ['context.updated'] },
    })
    webhookId = created.body.id
    await tellTheStory()
  })
  afterAll(async () => {
    await producer?.close()
    await api?.stop()
  })

  /** Five events, posted; of four the deliveries succeeded, of the last the first attempt failed. No other service runs. */
  async function tellTheStory(): Promise<void> {
    for (const n of NUMBERS) {
      const type = n % 2 ? 'context.created' : 'context.updated'
      const { status } = await api.ask('POST', '/v1/events', {
        key: api.keys.producer,
        body: {
          id: eventId(n),
          account_id: api.keys.accountId,
          type,
          context: CONTEXT,
          created_at: '2024-01-15T14:45:00Z',
        },
      })
      expect(status).toBe(202)
    }
    const acceptedAt = await vi.waitFor(async () => {
      const rows = await api.database.query<{ id: string; at: Date }>('select id, accepted_at as at from events')
      expect(rows).toHaveLength(5)
      return new Map(rows.map(({ id, at }) => [id, at.getTime()]))
    }, WAIT)
    const { deliveryLog } = new TopicMap(api.config.topics)
    const facts = NUMBERS.flatMap((n) => {
      const delivery = aDeliveryRef({
        accountId: api.keys.accountId,
        eventId: eventId(n),
        eventType: n % 2 ? 'context.created' : 'context.updated',
        webhookId,
        deliveryId: deliveryId(n),
        acceptedAt: acceptedAt.get(eventId(n))!,
      })
      const { eventType, accountId } = delivery
      return [
        encodeFact(deliveryLog, {
          kind: 'fanned_out',
          eventId: delivery.eventId,
          eventType,
          accountId,
          acceptedAt: delivery.acceptedAt,
          at: delivery.acceptedAt + 1,
          matched: [{ webhookId, deliveryId: delivery.deliveryId }],
          unmatched: [{ webhookId: 'whk_of_others', reason: 'type_not_subscribed' }],
        }),
        encodeFact(
          deliveryLog,
          n < 4
            ? anAttempted({ delivery, attemptId: `atm_${n}` })
            : anAttempted({
                delivery,
                attemptId: `atm_${n}`,
                outcome: { kind: 'failed', reason: 'http_status', status: 500 },
                response: { status: 500, headers: { 'x-odd': 'ü' }, body: 'sorry \0' },
                next: { kind: 'retry', attempt: 2, notBefore: Date.parse('2030-01-01T00:00:00Z') },
              }),
        ),
      ]
    })
    await producer.send(facts)
    await vi.waitFor(async () => {
      expect(await api.database.query('select 1 from attempts')).toHaveLength(5)
    }, WAIT)
  }

  const WAIT = { timeout: 30_000, interval: 50 }

  const get = async (path: string) => {
    const { status, body } = await api.ask('GET', path)
    expect(status).toBe(200)
    return body as unknown as Read
  }

  it('list the deliveries of a webhook newest first, page by page', async () => {
    const ids: string[] = []
    let cursor: string | null = ''
    while (cursor !== null) {
      const page: Read = await get(
        `/v1/webhooks/${webhookId}/deliveries?limit=2${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ''}`,
      )
      ids.push(...page.data.map(({ id }) => id))
      cursor = page.next_cursor
    }

    expect(ids).toEqual(NUMBERS.map(deliveryId).reverse())
  })

  it.each([
    ['status=waiting', [4]],
    ['status=delivered&type=context.created', [3, 1]],
    ['event_id=evt_00000002', [2]],
    ['since=2000-01-01T00:00:00Z&until=2001-01-01T00:00:00Z', []],
    ['since=2016-12-31T23:59:60%2B02:00', [4, 3, 2, 1, 0]],
  ])('filter deliveries by %s', async (query, expected) => {
    const { data } = await get(`/v1/webhooks/${webhookId}/deliveries?${query}`)

    expect(data.map(({ id }) => id)).toEqual(expected.map(deliveryId))
  })

  it('show one delivery with every attempt, what was sent and what came back', async () => {
    const delivery = await get(`/v1/deliveries/${deliveryId(4)}`)

    expect(delivery).toMatchObject({
      id: deliveryId(4),
      event_id: eventId(4),
      webhook_id: webhookId,
      status: 'waiting',
      next: { attempt: 2, not_before: '2030-01-01T00:00:00.000Z' },
      attempts: [
        {
          number: 1,
          trigger: 'automatic',
          outcome: 'failed',
          reason: 'http_status',
          message: 'Your receiver answered 500; only a 2xx answer counts as delivered.',
          request: { url: 'https://example.com/webhook', body: expect.stringContaining(eventId(4)) },
          response: { status: 500, headers: { 'x-odd': 'ü' }, body: 'sorry \ufffd' },
        },
      ],
    })
  })

  it('show events as they were delivered', async () => {
    const { data } = await get('/v1/events?type=context.created')

    expect(data).toEqual(
      [3, 1].map((n) => ({
        id: eventId(n),
        type: 'context.created',
        created_at: '2024-01-15T14:45:00Z',
        data: { context: CONTEXT },
      })),
    )
  })

  it('show of one event what became of it at every webhook of the account', async () => {
    const event = await get(`/v1/events/${eventId(4)}`)

    expect(event).toMatchObject({ id: eventId(4), data: { context: CONTEXT } })
    expect(event.matches).toEqual([
      { webhook_id: webhookId, delivery_id: deliveryId(4), status: 'waiting', reason: null },
      { webhook_id: 'whk_of_others', delivery_id: null, status: null, reason: 'type_not_subscribed' },
    ])
  })

  it('show of two events under one id, days apart, the first with its deliveries, and each delivery’s own body', async () => {
    const [id, whkId] = ['evt_came_twice', 'whk_twice']
    const [first, second] = [Date.now() - 3 * DAY_MS, Date.now() - DAY_MS] as const
    const retention = { eventsMs: 30 * DAY_MS, deliveriesMs: 30 * DAY_MS }
    const writer = new ReadModelWriter(api.database, new PartitionStore(api.database, retention))
    const { accountId } = api.keys
    const bodyOf = (acceptedAt: number) => {
      const context = { ...CONTEXT, name: acceptedAt === first ? 'first' : 'second' }
      return JSON.stringify({ id, type: 'context.updated', created_at: '2024-01-15T14:45:00Z', data: { context } })
    }
    const fanOut = { accountId, eventId: id, matches: { matched: [whkId], unmatched: [] } }
    await writer.write({
      events: [first, second].map((acceptedAt) => {
        return { accountId, id, type: 'context.updated', acceptedAt, body: bodyOf(acceptedAt) }
      }),
      fanOuts: [first, second].map((acceptedAt) => ({ ...fanOut, acceptedAt, decidedAt: acceptedAt })),
      deliveries: [],
      attempts: [],
    })
    const { deliveryLog } = new TopicMap(api.config.topics)
    const attempted = (acceptedAt: number, end: 'delivered' | 'exhausted') => {
      const ref = { accountId, eventId: id, webhookId: whkId, deliveryId: deliveryIdFor(id, whkId), acceptedAt }
      const next = { kind: 'end' as const, end }
      return encodeFact(
        deliveryLog,
        anAttempted({ delivery: aDeliveryRef(ref), attemptId: `atm_${acceptedAt}`, startedAt: acceptedAt, next }),
      )
    }
    await producer.send([attempted(first, 'exhausted'), attempted(second, 'delivered')])
    await vi.waitFor(async () => {
      expect(await api.database.query('select 1 from deliveries where webhook_id = $1', [whkId])).toHaveLength(2)
    }, WAIT)

    expect(await get(`/v1/events/${id}`)).toMatchObject({
      ...(JSON.parse(bodyOf(first)) as object),
      matches: expect.arrayContaining([expect.objectContaining({ webhook_id: whkId, status: 'exhausted' })]),
    })
    expect(await get(`/v1/deliveries/${deliveryIdFor(id, whkId)}`)).toMatchObject({
      status: 'delivered',
      attempts: [{ request: { body: bodyOf(second) } }],
    })
  })

  it('say the same of what another account has and of what nobody has', async () => {
    const nobody = 'f'.repeat(32)
    const paths = [
      [`/v1/webhooks/${webhookId}/deliveries`, `/v1/webhooks/whk_${nobody}/deliveries`],
      [`/v1/deliveries/${deliveryId(1)}`, `/v1/deliveries/dlv_${nobody}`],
      [`/v1/events/${eventId(1)}`, `/v1/events/evt_${nobody}`],
    ] as const
    for (const [theirs, nobodys] of paths) {
      const answers = await Promise.all(
        [theirs, nobodys, nobodys.replace(nobody, '%00')].map((path) =>
          api.ask('GET', path, { key: api.keys.otherAccount }),
        ),
      )
      const told = answers.map(({ status, body: { trace_id: _, instance: __, ...body } }) => ({ status, body }))
      expect(told[0]).toMatchObject({ status: 404 })
      expect(told[1]).toEqual(told[0])
      expect(told[2]).toEqual(told[0])
    }
    const { body } = await api.ask('GET', '/v1/events', { key: api.keys.otherAccount })
    expect(body.data).toEqual([])
  })

  it('refuse a cursor that was tampered with, or is of another list', async () => {
    const list = `/v1/webhooks/${webhookId}/deliveries?limit=1`
    const { next_cursor: cursor } = (await api.ask('GET', list)).body as { next_cursor: string }
    expect((await api.ask('GET', `${list}&cursor=${cursor}`)).status).toBe(200)
    const tampered = [`${cursor}A`, cursor.slice(1), `${cursor.slice(0, 5)}~${cursor.slice(5)}`]
    for (const path of [...tampered.map((text) => `${list}&cursor=${text}`), `/v1/events?limit=1&cursor=${cursor}`]) {
      expect(await api.ask('GET', path), path).toMatchObject({
        status: 400,
        body: { errors: [{ pointer: '/cursor' }] },
      })
    }
  })

  describe('read many times at once', () => {
    const routes = () => [
      '/v1/events',
      `/v1/events/${eventId(1)}`,
      `/v1/deliveries/${deliveryId(1)}`,
      `/v1/webhooks/${webhookId}/deliveries`,
    ]

    /** While this runs, every read of the logs stands still. */
    const whileStandingStill = (work: () => Promise<void>) =>
      api.database.transaction(async (session) => {
        await session.query('lock table events, deliveries in access exclusive mode')
        await work()
      })

    const areUnderWay = (count: number) =>
      vi.waitFor(async () => {
        const waiting = await api.database.query(
          `select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
        )
        expect(waiting).toHaveLength(count)
      }, WAIT)

    it('are answered eight at a time of an account, the others in turn, and hold up nobody else', async () => {
      let all: Promise<Answer[]> | undefined
      let waiting: Promise<Answer[]> | undefined
      let others: Promise<Answer> | undefined
      await whileStandingStill(async () => {
        all = Promise.all([...routes(), ...routes()].map((path) => api.ask('GET', path)))
        await areUnderWay(8)
        waiting = Promise.all(routes().map((path) => api.ask('GET', path)))
        expect((await api.ask('GET', `/v1/webhooks/${webhookId}`)).status).toBe(200)
        others = api.ask('GET', '/v1/events', { key: api.keys.otherAccount })
        await areUnderWay(9)
      })
      expect((await waiting!).map(({ status }) => status)).toEqual([200, 200, 200, 200])
      expect((await all!).map(({ status }) => status)).toEqual(Array.from({ length: 8 }, () => 200))
      expect((await others!).status).toBe(200)
      for (const path of routes()) expect((await api.ask('GET', path)).status).toBe(200)
    })

    it('forget those whose client has gone, also where it asked for all on one connection', async () => {
      await whileStandingStill(async () => {
        const socket = connect({ port: api.config.port, host: '127.0.0.1' })
        const ask = `GET /v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${api.keys.account}\r\n\r\n`
        socket.write(ask.repeat(8))
        await areUnderWay(8)
        socket.destroy()
        // What it asked for is still being read.
        const refused = await api.ask('GET', '/v1/events')
        expect(refused).toMatchObject({ status: 429, body: { title: 'Too many at once' } })
        expect(refused.headers.get('retry-after')).toBe('1')
      })
      await vi.waitFor(async () => expect((await api.ask('GET', '/v1/events')).status).toBe(200), WAIT)
      let all: Promise<Answer[]> | undefined
      await whileStandingStill(async () => {
        all = Promise.all([...routes(), ...routes()].map((path) => api.ask('GET', path)))
        await areUnderWay(8)
      })
      expect((await all!).map(({ status }) => status)).toEqual(Array.from({ length: 8 }, () => 200))
    })
  })

  it('are closed to producers', async () => {
    for (const path of ['/v1/events', `/v1/deliveries/${deliveryId(1)}`, `/v1/webhooks/${webhookId}/deliveries`]) {
      expect((await api.ask('GET', path, { key: api.keys.producer })).status).toBe(403)
    }
  })

  it.each([
    ['status=lost', 422],
    ['limit=0', 422],
    ['limit=101', 422],
    ['since=yesterday', 422],
    ['colour=red', 422],
    ['cursor=nonsense', 400],
    ['event_id=%00', 422],
  ])('refuse the query %s', async (query, status) => {
    expect((await api.ask('GET', `/v1/webhooks/${webhookId}/deliveries?${query}`)).status).toBe(status)
  })
})
