import type { Patience } from '#domain'
import { type ConsumedRecord, LogReader, type LogSpan } from '#kafka'
import { type AuditedTable, AuditedRows, type Database } from '#postgres'
import { UndecodableRecord, decodeContextEvent, decodeFact } from '#topics'
import type { KafkaAccess } from '../with-kafka.js'
import { type AuditedTime, auditLog, repeatedEnds } from './audit-log.js'
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
const READ_BEFORE_MS = 15 * 60_000

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
    return {
      time,
      read: { events: ledger.accepted.size, facts: ledger.facts, rows: rows.count },
      missing: [...auditLog(ledger, time, request.patience), ...unexplained(rows.findings, later)],
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
  const findings: Finding[] = []
  let count = 0
  for (const table of TABLES) {
    const rows = new RowAudit(table, ledger, time)
    count += await audited.read(table, time.since, time.until, (row) => rows.row(row))
    const missing = rows.missing()
    const elsewhere = await audited.existing(table, missing)
    const nowhere = missing.filter((row) => !elsewhere.has(row))
    findings.push(...rows.findings, ...nowhere.map((row) => missingRow(table, row)))
  }
  return { count, findings }
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

function enterEvents(records: readonly ConsumedRecord[], ledger: LogLedger): void {
  for (const record of records) readable(() => ledger.event(decodeContextEvent(record)))
}

function enterFacts(records: readonly ConsumedRecord[], ledger: LogLedger): void {
  for (const record of records) readable(() => ledger.fact(decodeFact(record)))
}

/** What nobody can read is among the dead letters, where it is seen. */
function readable(enter: () => void): void {
  try {
    enter()
  } catch (error) {
    if (!(error instanceof UndecodableRecord)) throw error
  }
}
