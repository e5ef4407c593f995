import { type Patience, SAME_EVENT_WITHIN_MS } from '#domain'
import { type ConsumedRecord, LogReader, type LogSpan } from '#kafka'
import { type AuditedTable, AuditedRows, type Database } from '#postgres'
import { UndecodableRecord, decodeContextEvent, decodeFact } from '#topics'
import type { KafkaAccess } from '../with-kafka.js'
import { type AuditedTime, auditLog, repeatedEnds, untouched } from './audit-log.js'
import { RowAudit, missingRow, unexplained } from './audit-rows.js'
import type { Finding } from './findings.js'
import { LogLedger } from './log-ledger.js'

export interface AuditRequest {
  /** Of acceptance, ms since the epoch. */
  since: number
  until: number
  patience: Patience
}

export interface AuditOutcome {
  time: AuditedTime
  read: { events: number; facts: number; rows: number }
  missing: Finding[]
  /** Chains whose end was told more than once; nothing is missing because of it. */
  repeatedEnds: number
}

/** Facts about an event follow it; a repeat of it is recognised by fan-out for ten minutes. Ms. */
export const READ_BEFORE_MS = 15 * 60_000

const TABLES: AuditedTable[] = ['events', 'fan_outs', 'deliveries', 'attempts']

/**
 * Holds the log against itself and against the read models, for what was accepted in some time. Reads only.
 *
 * @param readModelsAreAt resolves when all up to these ends has become rows
 * @param asOf the time at which deadlines are looked at, ms since the epoch
 */
export async function audit(
  database: Database,
  { connection, topics }: Pick<KafkaAccess, 'connection' | 'topics'>,
  request: AuditRequest,
  readModelsAreAt: (ends: LogSpan[]) => Promise<void>,
  asOf = Date.now(),
): Promise<AuditOutcome> {
  const reader = new LogReader(connection)
  try {
    const { contextEvents, deliveryLog } = topics
    // Events first, so that whatever was done about them by then is in what is read after.
    const events = await reader.spans(contextEvents, request.since - READ_BEFORE_MS)
    const facts = await reader.spans(deliveryLog, request.since - READ_BEFORE_MS)
    const time = { since: request.since, until: Math.min(request.until, asOf), asOf }
    const ledger = new LogLedger()
    for (const span of facts) await reader.read(span, (records) => enterFacts(records, ledger))
    for (const span of events) await reader.read(span, (records) => enterEvents(records, ledger))
    await readModelsAreAt([...events, ...facts])

    const rows = await auditRows(new AuditedRows(database), ledger, time)
    const later = await readLater(reader, { events, facts })
    const before = await readBefore(reader, facts, request.since, untouched(ledger, time, request.patience))
    return {
      time,
      read: { events: ledger.accepted.size, facts: ledger.facts, rows: rows.count },
      missing: [...auditLog(ledger, time, request.patience, before), ...unexplained(rows.findings, later)],
      repeatedEnds: repeatedEnds(ledger, time),
    }
  } finally {
    reader.close()
  }
}

async function auditRows(
  audited: AuditedRows,
  ledger: LogLedger,
  time: AuditedTime,
): Promise<{ count: number; findings: Finding[] }> {
  // Of a lost day there are millions: as arguments of one call too many.
  const findings: Finding[][] = []
  let count = 0
  for (const table of TABLES) {
    const rows = new RowAudit(table, ledger, time)
    count += await audited.read(table, time.since, time.until, (row) => rows.row(row))
    const missing = rows.missing()
    const elsewhere = await audited.existing(table, missing)
    const nowhere = missing.filter((row) => !elsewhere.has(row))
    findings.push(
      rows.findings,
      nowhere.map((row) => missingRow(table, row)),
    )
  }
  return { count, findings: findings.flat() }
}

/** What came into the log since, without which rows that were written meanwhile would look invented. */
async function readLater(reader: LogReader, read: { events: LogSpan[]; facts: LogSpan[] }): Promise<LogLedger> {
  const later = new LogLedger()
  const beyond = async (spans: LogSpan[], enter: typeof enterFacts) => {
    const now = await reader.spans(spans[0]!.topic)
    for (const { topic, partition, end } of now) {
      const from = spans.find((span) => span.partition === partition)?.end ?? 0
      await reader.read({ topic, partition, from, end }, (records) => enter(records, later))
    }
  }
  await beyond(read.events, enterEvents)
  await beyond(read.facts, enterFacts)
  return later
}

/**
 * What was told of these deliveries, where their event had come before: fan-out knows an event again for minutes, and the
 * dispatcher what it has done for hours. Read only where there are any, since it is a day of facts.
 */
async function readBefore(
  reader: LogReader,
  read: LogSpan[],
  since: number,
  deliveryIds: ReadonlySet<string>,
): Promise<LogLedger> {
  const before = new LogLedger()
  if (deliveryIds.size === 0) return before
  for (const { topic, partition, from } of await reader.spans(read[0]!.topic, since - SAME_EVENT_WITHIN_MS)) {
    const end = read.find((span) => span.partition === partition)?.from ?? from
    await reader.read({ topic, partition, from, end }, (records) => enterFacts(records, before, deliveryIds))
  }
  return before
}

function enterEvents(records: readonly ConsumedRecord[], ledger: LogLedger): void {
  for (const record of records) readable(() => ledger.event(decodeContextEvent(record)))
}

/** @param deliveryIds of what was done about these alone */
function enterFacts(records: readonly ConsumedRecord[], ledger: LogLedger, deliveryIds?: ReadonlySet<string>): void {
  for (const record of records) {
    readable(() => {
      const fact = decodeFact(record)
      const isWanted = !deliveryIds || (fact.kind !== 'fanned_out' && deliveryIds.has(fact.delivery.deliveryId))
      if (isWanted) ledger.fact(fact)
    })
  }
}

/** What nobody can read is among the dead letters, where it is seen. */
function readable(enter: () => void): void {
  try {
    enter()
  } catch (error) {
    if (!(error instanceof UndecodableRecord)) throw error
  }
}
