import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, inject, it, vi } from 'vitest'
import { DEFAULT_RETRY_SCHEDULE, type Fact, RetrySchedule, deliveryIdFor } from '#domain'
import { BatchingProducer, KafkaConnection, LogReader, TopicAdmin } from '#kafka'
import { PartitionStore, ReadModelWriter } from '#postgres'
import { TopicMap, encodeContextEvent, encodeFact } from '#topics'
import { aDeliveryRef, anAttempted } from '../../../../../libs/domain/src/builders.testing.js'
import { type TestDatabase, createTestDatabase } from '../../../../../libs/postgres/src/test-database.testing.js'
import { emptyProjection, projectEvents, projectFacts } from '../../deliveries/project-records.js'
import { type AuditOutcome, READ_BEFORE_MS, audit } from './audit.js'
import type { Finding } from './findings.js'

const DAY_MS = 86_400_000
const MINUTE_MS = 60_000
const silent = () => undefined
const log = { debug: silent, info: silent, warn: silent, error: silent }
const STORIES = 6
const WEBHOOK = 'whk_1'

const connection = new KafkaConnection({ brokers: inject('kafkaBrokers').split(','), clientId: 'audit-test' }, log)
const eventId = (n: number) => `evt_${n}`
const deliveryId = (n: number) => deliveryIdFor(eventId(n), WEBHOOK)

/** Fanned out, failed once, delivered. */
function factsOf(n: number, acceptedAt: number): Fact[] {
  const delivery = aDeliveryRef({ eventId: eventId(n), webhookId: WEBHOOK, deliveryId: deliveryId(n), acceptedAt })
  const { eventType, accountId } = delivery
  const matched = [{ webhookId: WEBHOOK, deliveryId: delivery.deliveryId }]
  return [
    {
      kind: 'fanned_out',
      eventId: eventId(n),
      eventType,
      accountId,
      acceptedAt,
      at: acceptedAt,
      matched,
      unmatched: [],
    },
    anAttempted({
      delivery,
      attemptId: `atm_${n}_1`,
      startedAt: acceptedAt,
      outcome: { kind: 'failed', reason: 'timeout' },
      response: null,
      next: { kind: 'retry', attempt: 2, notBefore: acceptedAt },
    }),
    anAttempted({ delivery, attemptId: `atm_${n}_2`, number: 2, startedAt: acceptedAt + 1 }),
  ]
}

describe('an audit', () => {
  let test: TestDatabase
  let producer: BatchingProducer
  let complete: TopicMap
  beforeAll(async () => {
    producer = new BatchingProducer(connection, { idempotent: true })
    await producer.start()
    test = await createTestDatabase()
    complete = await aLog(() => true)
    await writeRows(complete)
  })
  afterAll(async () => {
    await producer?.close()
    await test?.close()
  })

  /**
   * Topics of their own that hold all stories but what is not wanted. Events are accepted when the broker takes them,
   * and what is told of them is told with that time.
   */
  async function aLog(isWanted: (fact: Fact) => boolean, acceptedAt?: Map<string, number>): Promise<TopicMap> {
    const topics = new TopicMap({
      prefix: `audit${randomBytes(4).toString('hex')}.`,
      schedule: RetrySchedule.parse(DEFAULT_RETRY_SCHEDULE),
      eventRetentionMs: 30 * DAY_MS,
      deliveryRetentionMs: 30 * DAY_MS,
      deliveryMaxAgeMs: DAY_MS,
    })
    const admin = new TopicAdmin(connection)
    const used = topics.specs.filter(({ name }) => [topics.contextEvents, topics.deliveryLog].includes(name))
    await admin.ensureTopics(used.map((spec) => ({ ...spec, partitions: 2, replicationFactor: 1 })))
    await admin.close()
    for (let n = 0; n < STORIES; n++) {
      const body = `{"id":"${eventId(n)}"}`
      await producer.send([
        encodeContextEvent(topics.contextEvents, { id: eventId(n), accountId: 'acc_1', type: 'context.updated', body }),
      ])
    }
    const times = acceptedAt ?? (await acceptanceTimes(topics))
    const facts = [...times].flatMap(([id, at]) => factsOf(Number(id.slice(4)), at))
    await producer.send(facts.filter(isWanted).map((fact) => encodeFact(topics.deliveryLog, fact)))
    return topics
  }

  async function read(topic: string) {
    const reader = new LogReader(connection)
    const records: Parameters<Parameters<LogReader['read']>[1]>[0] = []
    for (const span of await reader.spans(topic)) await reader.read(span, (portion) => void records.push(...portion))
    reader.close()
    return records
  }

  async function acceptanceTimes(topics: TopicMap): Promise<Map<string, number>> {
    return new Map(
      (await read(topics.contextEvents)).map(({ headers, timestamp }) => [headers['event-id']!, timestamp]),
    )
  }

  async function writeRows(topics: TopicMap): Promise<void> {
    const projection = emptyProjection()
    projectEvents(await read(topics.contextEvents), projection)
    projectFacts(await read(topics.deliveryLog), projection)
    const retention = { eventsMs: 30 * DAY_MS, deliveriesMs: 30 * DAY_MS }
    await new ReadModelWriter(test.database, new PartitionStore(test.database, retention)).write(projection.rows)
  }

  /** Of all that was accepted, with nothing left that could still be on its way. */
  async function audited(
    topics: TopicMap,
    since = Date.now() - 10 * MINUTE_MS,
    asOf = Date.now() + 2 * MINUTE_MS,
  ): Promise<AuditOutcome> {
    const patience = { usualMs: -MINUTE_MS, replayMs: -MINUTE_MS }
    const request = { since, until: Infinity, patience }
    return audit(test.database, { connection, topics }, request, async () => undefined, asOf)
  }

  const kinds = (findings: Finding[]) => findings.map(({ kind, id }) => `${kind} ${id}`).sort()

  it('finds nothing where nothing is missing, having read everything', async () => {
    const { missing, read, repeatedEnds } = await audited(complete)

    expect(missing).toEqual([])
    expect(read).toEqual({ events: STORIES, facts: 3 * STORIES, rows: 5 * STORIES })
    expect(repeatedEnds).toBe(0)
  })

  it.each([
    ['events', 'id', eventId(1), [`event_without_row acc_1/${eventId(1)}`]],
    ['fan_outs', 'event_id', eventId(1), [`fan_out_without_row acc_1/${eventId(1)}`]],
    ['deliveries', 'id', deliveryId(1), [`delivery_without_row ${deliveryId(1)}`]],
    ['attempts', 'id', 'atm_1_2', ['attempt_without_row atm_1_2']],
  ])('finds a row that is missing among the %s, and only that', async (table, column, id, expected) => {
    await test.database.query(`delete from ${table} where ${column} = $1`, [id])
    try {
      expect(kinds((await audited(complete)).missing)).toEqual(expected)
    } finally {
      await writeRows(complete)
    }
    expect((await audited(complete)).missing).toEqual([])
  })

  it('finds a row that tells another end', async () => {
    await test.database.query("update deliveries set chain_end = 'exhausted' where id = $1", [deliveryId(2)])
    try {
      expect((await audited(complete)).missing).toEqual([
        {
          kind: 'row_differs',
          id: deliveryId(2),
          detail: 'log: chain 0 delivered; row: chain 0 exhausted',
        },
      ])
    } finally {
      await test.database.query("update deliveries set chain_end = 'delivered' where id = $1", [deliveryId(2)])
    }
  })

  it.each<[string, (fact: Fact) => boolean, string[]]>([
    [
      'a last attempt',
      (fact) => fact.kind === 'attempted' && fact.attemptId === 'atm_3_2',
      [`chain_without_end ${deliveryId(3)}`, `row_differs ${deliveryId(3)}`, 'row_without_attempt atm_3_2'],
    ],
    [
      'a fan-out',
      (fact) => fact.kind === 'fanned_out' && fact.eventId === eventId(3),
      [`event_not_fanned_out acc_1/${eventId(3)}`, `row_without_fan_out acc_1/${eventId(3)}`],
    ],
    [
      'every attempt of a delivery',
      (fact) => fact.kind === 'attempted' && fact.delivery.eventId === eventId(3),
      [
        `delivery_never_attempted ${deliveryId(3)}`,
        `row_differs ${deliveryId(3)}`,
        'row_without_attempt atm_3_1',
        'row_without_attempt atm_3_2',
      ],
    ],
  ])('finds a fact that is missing: %s', async (_, isMissing, expected) => {
    // The rows are of the complete log: of one that lacks a fact, its own events have later times.
    const topics = await aLog((fact) => !isMissing(fact), await acceptanceTimes(complete))

    expect(kinds((await audited(topics)).missing)).toEqual(expected)
  })

  it('looks at nothing that was accepted before', async () => {
    const { missing, read } = await audited(complete, Date.now() + MINUTE_MS)

    expect(missing).toEqual([])
    expect(read.rows).toBe(0)
  })

  it('tells an event from another one that was accepted under its id days before', async () => {
    const topics = await aLog(() => true, await acceptanceTimes(complete))
    const before = Date.now() - 3 * DAY_MS
    const [fannedOut, { delivery }] = factsOf(5, before) as [Fact, Extract<Fact, { kind: 'attempted' }>]
    const cancelled: Fact = { kind: 'chain_ended', delivery, at: before, end: 'cancelled' }
    await producer.send([fannedOut, cancelled].map((fact) => encodeFact(topics.deliveryLog, fact)))
    await writeRows(topics)
    const since = before - MINUTE_MS

    expect((await audited(topics, since)).missing).toEqual([])

    await test.database.query("delete from deliveries where accepted_at < now() - interval '1 day'")
    expect(kinds((await audited(topics, since)).missing)).toEqual([`delivery_without_row ${deliveryId(5)}`])
  })

  it.each<[string, (fact: Fact) => boolean, string[]]>([
    ['knows what was done at its first time', () => true, []],
    [
      'finds it missing where nothing was done at its first time either',
      (fact) => fact.kind !== 'attempted' || fact.delivery.eventId !== eventId(3),
      [`delivery_never_attempted ${deliveryId(3)}`],
    ],
  ])('of an event that came again hours later %s', async (_, isWanted, expected) => {
    const topics = await aLog(isWanted, await acceptanceTimes(complete))
    const last = Math.max(...(await read(topics.deliveryLog)).map(({ timestamp }) => timestamp))
    await vi.waitFor(() => expect(Date.now()).toBeGreaterThan(last))
    // A time from which on the first reading finds the second fan-out alone.
    const since = Date.now() + READ_BEFORE_MS
    const [again] = factsOf(3, since) as [Fact]
    await producer.send([encodeFact(topics.deliveryLog, again)])

    const { missing, read: counts } = await audited(topics, since, since + 2 * MINUTE_MS)

    expect(kinds(missing)).toEqual(expected)
    expect(counts.facts).toBe(1)
  })

  it('takes an end that was told twice for a repeat', async () => {
    const topics = await aLog(() => true, await acceptanceTimes(complete))
    const [, , delivered] = factsOf(4, (await acceptanceTimes(complete)).get(eventId(4))!) as [Fact, Fact, Fact]
    await producer.send([encodeFact(topics.deliveryLog, delivered)])

    const { missing, repeatedEnds } = await audited(topics)

    expect(missing).toEqual([])
    expect(repeatedEnds).toBe(1)
  })
})
