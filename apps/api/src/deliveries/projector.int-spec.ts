import { randomBytes } from 'node:crypto'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, it, vi } from 'vitest'
import { DEFAULT_RETRY_SCHEDULE, type Fact, RetrySchedule, deliveryIdFor } from '#domain'
import { BatchingProducer, type ConsumedRecord, DecoupledConsumer, KafkaConnection, TopicAdmin } from '#kafka'
import { PartitionStore, ReadModelWriter, type ReadModelRows, type Written } from '#postgres'
import { type Logger, createRegistry } from '#telemetry'
import { TopicMap, encodeContextEvent, encodeFact } from '#topics'
import { aDeliveryRef, anAttempted } from '../../../../libs/domain/src/builders.testing.js'
import { type TestDatabase, createTestDatabase } from '../../../../libs/postgres/src/test-database.testing.js'
import { Projector } from './projector.js'
import { ProjectorMetrics } from './projector-metrics.js'

const DAY_MS = 86_400_000
const silent = () => undefined
const logger = { debug: silent, info: silent, warn: silent, error: silent } as unknown as Logger
const connection = () =>
  new KafkaConnection({ brokers: inject('kafkaBrokers').split(','), clientId: 'projector-test' }, logger)

/** An event with a delivery that fails once and then succeeds, as the log tells of it. Accepted now. */
function story(n: number, acceptedAt = Date.now()): Fact[] {
  const eventId = `evt_${n}`
  const webhookId = `whk_${n % 7}`
  const delivery = aDeliveryRef({ eventId, webhookId, deliveryId: deliveryIdFor(eventId, webhookId), acceptedAt })
  const attempt = (number: number) => ({
    delivery,
    number,
    attemptId: `atm_${n}_${number}`,
    startedAt: acceptedAt + number,
  })
  return [
    {
      kind: 'fanned_out',
      eventId,
      eventType: delivery.eventType,
      accountId: delivery.accountId,
      acceptedAt,
      at: acceptedAt + 1,
      matched: [{ webhookId, deliveryId: delivery.deliveryId }],
      unmatched: [],
    },
    anAttempted({
      ...attempt(1),
      outcome: { kind: 'failed', reason: 'timeout' },
      response: null,
      next: { kind: 'retry', attempt: 2, notBefore: acceptedAt + 10_000 },
    }),
    anAttempted(attempt(2)),
  ]
}

describe('the projector', () => {
  let test: TestDatabase
  let topics: TopicMap
  let prefix: string
  let producer: BatchingProducer
  const running: Projector[] = []

  beforeAll(async () => {
    producer = new BatchingProducer(connection(), { idempotent: true })
    await producer.start()
  })
  afterAll(() => producer?.close())

  beforeEach(async () => {
    prefix = `p${randomBytes(4).toString('hex')}.`
    test = await createTestDatabase()
    topics = new TopicMap({
      prefix,
      schedule: RetrySchedule.parse(DEFAULT_RETRY_SCHEDULE),
      eventRetentionMs: 30 * DAY_MS,
      deliveryRetentionMs: 30 * DAY_MS,
      deliveryMaxAgeMs: DAY_MS,
    })
    const admin = new TopicAdmin(connection())
    const used = topics.specs.filter(({ name }) =>
      [topics.contextEvents, topics.deliveryLog, topics.deadLetter].includes(name),
    )
    await admin.ensureTopics(used.map((spec) => ({ ...spec, partitions: 4, replicationFactor: 1 })))
    await admin.close()
  })
  afterEach(async () => {
    for (const projector of running.splice(0)) await projector.onApplicationShutdown()
    await test.close()
  })

  function start(write?: (rows: ReadModelRows, really: () => Promise<Written>) => Promise<Written>): Projector {
    const retention = { eventsMs: 30 * DAY_MS, deliveriesMs: 30 * DAY_MS }
    const writer = new ReadModelWriter(test.database, new PartitionStore(test.database, retention))
    const real = writer.write.bind(writer)
    if (write) writer.write = (rows) => write(rows, () => real(rows))
    const registry = createRegistry('test')
    const projector = new Projector(
      connection(),
      topics,
      writer,
      producer,
      new ProjectorMetrics(registry),
      registry,
      { topics: { prefix } as never },
      logger,
    )
    running.push(projector)
    projector.onApplicationBootstrap()
    return projector
  }

  const send = (facts: Fact[]) => producer.send(facts.map((fact) => encodeFact(topics.deliveryLog, fact)))

  async function dump(): Promise<{ deliveries: object[]; attempts: object[]; fan_outs: object[] }> {
    const rows = (table: string) => test.database.query(`select * from ${table} order by 1, 2`)
    return { deliveries: await rows('deliveries'), attempts: await rows('attempts'), fan_outs: await rows('fan_outs') }
  }

  async function caughtUp(projector: Projector, records: number): Promise<void> {
    await vi.waitFor(
      async () => {
        const admin = new TopicAdmin(connection())
        try {
          const committed = await admin.committed(`${prefix}projector`, [topics.deliveryLog, topics.contextEvents])
          expect(committed.reduce((sum, { offset = 0 }) => sum + offset, 0)).toBe(records)
        } finally {
          await admin.close()
        }
      },
      { timeout: 30_000, interval: 200 },
    )
    expect(projector.consumer.lag().reduce((sum, { lag }) => sum + lag, 0)).toBe(0)
  }

  it('turns the log into rows', async () => {
    const body = '{"id":"evt_1","type":"context.updated"}'
    await producer.send([
      encodeContextEvent(topics.contextEvents, { id: 'evt_1', accountId: 'acc_1', type: 'context.updated', body }),
    ])
    const projector = start()
    await send(Array.from({ length: 50 }, (_, n) => story(n)).flat())

    await caughtUp(projector, 151)

    expect(await test.database.query('select id, account_id, body from events')).toEqual([
      { id: 'evt_1', account_id: 'acc_1', body },
    ])
    const { deliveries, attempts, fan_outs } = await dump()
    expect([deliveries.length, attempts.length, fan_outs.length]).toEqual([50, 100, 50])
    for (const delivery of deliveries) expect(delivery).toMatchObject({ chain_end: 'delivered', attempts_made: 2 })
  })

  it('gives the same rows when everything comes twice, in another order, and in the same batch', async () => {
    const facts = Array.from({ length: 30 }, (_, n) => story(n, Date.now() - (n % 3) * DAY_MS)).flat()
    await send(facts)
    const projector = start()
    await caughtUp(projector, facts.length)
    const before = await dump()
    expect(before.deliveries).toHaveLength(30)

    await send([...facts].reverse())
    await send([...facts, ...facts])

    await caughtUp(projector, 4 * facts.length)
    expect(await dump()).toEqual(before)
  })

  it('gives the same rows when it dies after a write that it could not call done', async () => {
    const facts = Array.from({ length: 30 }, (_, n) => story(n)).flat()
    let written = 0
    start(async (_, really) => {
      await really()
      written++
      throw new Error('dies before it can say so')
    })
    await send(facts)
    await vi.waitFor(() => expect(written).toBeGreaterThan(0), { timeout: 30_000 })
    await running.pop()!.onApplicationShutdown()

    const projector = start()
    await caughtUp(projector, facts.length)

    const { deliveries, attempts } = await dump()
    expect([deliveries.length, attempts.length]).toEqual([30, 60])
    for (const delivery of deliveries) expect(delivery).toMatchObject({ chain_end: 'delivered', attempts_made: 2 })
  })

  it('waits while the database is away, and catches up when it is back', async () => {
    let isAway = true
    let refused = 0
    const projector = start(async (_, really) => {
      if (!isAway) return really()
      refused++
      throw new Error('away')
    })
    await send(Array.from({ length: 20 }, (_, n) => story(n)).flat())
    await vi.waitFor(() => expect(refused).toBeGreaterThan(1), { timeout: 30_000 })
    expect((await dump()).deliveries).toEqual([])

    isAway = false

    await caughtUp(projector, 60)
    expect((await dump()).deliveries).toHaveLength(20)
  })

  it('puts an unreadable fact among the dead letters, with its reason, and goes on', async () => {
    const projector = start()
    const [fannedOut, failed, succeeded] = story(1) as [Fact, Fact, Fact]
    const key = fannedOut.kind === 'fanned_out' ? fannedOut.eventId : ''
    await producer.send([
      encodeFact(topics.deliveryLog, fannedOut),
      { topic: topics.deliveryLog, key, value: '{"kind":"attempted"}', headers: {} },
      { topic: topics.deliveryLog, key, value: Buffer.from([0xff, 0]), headers: {} },
      encodeFact(topics.deliveryLog, failed),
      encodeFact(topics.deliveryLog, succeeded),
    ])

    await caughtUp(projector, 5)

    expect((await dump()).deliveries).toMatchObject([{ chain_end: 'delivered' }])
    const letters = await deadLetters(2)
    expect(letters.map(({ headers }) => headers['dead-letter-problem']).sort()).toEqual([
      'the value is not JSON',
      'unsound fact: not true that delivery is an object',
    ])
    for (const { headers } of letters) expect(headers['dead-letter-origin']).toContain(topics.deliveryLog)
  })

  async function deadLetters(count: number): Promise<ConsumedRecord[]> {
    const records: ConsumedRecord[] = []
    const consumer = new DecoupledConsumer(
      connection(),
      { groupId: `${prefix}reader`, topics: [topics.deadLetter], assignment: 'spread', trackBeyondMark: false },
      (batch) => void records.push(...batch.records),
      {
        onFatal: (error) => {
          throw error
        },
      },
    )
    await consumer.start()
    try {
      await vi.waitFor(() => expect(records).toHaveLength(count), { timeout: 20_000 })
    } finally {
      await consumer.close()
    }
    return records
  }
})
