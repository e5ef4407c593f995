import type { Attempted, Fact } from '#domain'
import type { ConsumedRecord, RecordBatch } from '#kafka'
import { type AttemptedRow, type ReadModelRows, statesFrom } from '#postgres'
import { type TopicMap, UndecodableRecord, decodeContextEvent, decodeFact } from '#topics'
import { assertSound, isIdentifier } from './sound-fact.js'

export interface Unreadable {
  record: ConsumedRecord
  problem: string
}

/** What records of the log say, as rows for the read models; and those that say nothing readable. */
export interface Projection {
  rows: ReadModelRows
  unreadable: Unreadable[]
}

export function emptyProjection(): Projection {
  return { rows: { events: [], fanOuts: [], deliveries: [], attempts: [] }, unreadable: [] }
}

/** What batches of both topics of the log say. */
export function projectionOf(batches: readonly RecordBatch[], topics: Pick<TopicMap, 'contextEvents'>): Projection {
  const projection = emptyProjection()
  for (const batch of batches) projectBatch(batch, topics, projection)
  return projection
}

/** Adds what one batch says, of either topic. */
export function projectBatch(batch: RecordBatch, topics: Pick<TopicMap, 'contextEvents'>, into: Projection): void {
  const project = batch.topic === topics.contextEvents ? projectEvents : projectFacts
  project(batch.records, into)
}

/** Adds accepted events, which are kept as they are. */
export function projectEvents(records: readonly ConsumedRecord[], into: Projection): void {
  for (const record of records) {
    readable(record, into, () => {
      const { id, accountId, type, acceptedAt, body } = decodeContextEvent(record)
      if (!isIdentifier(id) || !isIdentifier(accountId)) throw new UndecodableRecord('the event has no usable ids')
      into.rows.events.push({ id, accountId, type, acceptedAt, body: body.toString('utf8') })
    })
  }
}

/** Adds facts: what became of events and deliveries. */
export function projectFacts(records: readonly ConsumedRecord[], into: Projection): void {
  for (const record of records) {
    readable(record, into, () => {
      const fact = decodeFact(record)
      assertSound(fact)
      projectFact(fact, into.rows)
    })
  }
}

function readable(record: ConsumedRecord, into: Projection, read: () => void): void {
  try {
    read()
  } catch (error) {
    // Whatever the reason, once more will not help; anything else than a record's fault would be ours, in pure code.
    const problem = error instanceof UndecodableRecord ? error.message : `unsound fact: ${String(error)}`
    into.unreadable.push({ record, problem })
  }
}

function projectFact(fact: Fact, rows: ReadModelRows): void {
  rows.deliveries.push(...statesFrom(fact))
  if (fact.kind === 'attempted') rows.attempts.push(attemptRow(fact))
  if (fact.kind === 'fanned_out') {
    const { accountId, eventId, acceptedAt, at, matched, unmatched } = fact
    const matches = { matched: matched.map(({ webhookId }) => webhookId), unmatched }
    rows.fanOuts.push({ accountId, eventId, acceptedAt, decidedAt: Math.round(at), matches })
  }
}

function attemptRow(fact: Attempted): AttemptedRow {
  const { delivery, outcome } = fact
  return {
    id: fact.attemptId,
    deliveryId: delivery.deliveryId,
    webhookId: delivery.webhookId,
    eventType: delivery.eventType,
    acceptedAt: delivery.acceptedAt,
    chain: delivery.chain,
    number: fact.number,
    trigger: delivery.trigger,
    startedAt: Math.round(fact.startedAt),
    durationMs: Math.round(fact.durationMs),
    outcome: outcome.kind,
    reason: outcome.kind === 'succeeded' ? null : outcome.reason,
    request: fact.request,
    response: fact.response,
  }
}
