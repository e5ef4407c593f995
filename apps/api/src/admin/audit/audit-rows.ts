import type { ChainEnd } from '#domain'
import type { AuditedRow, AuditedTable, SoughtRow } from '#postgres'
import { type AuditedTime, deliveriesOf, isWithin } from './audit-log.js'
import type { Finding, FindingKind } from './findings.js'
import { Acceptances, type LogLedger, type LoggedDelivery, eventKey } from './log-ledger.js'

interface KindsOf {
  missingRow: FindingKind
  missingFact: FindingKind
}

const KINDS: Record<AuditedTable, KindsOf> = {
  events: { missingRow: 'event_without_row', missingFact: 'row_without_event' },
  fan_outs: { missingRow: 'fan_out_without_row', missingFact: 'row_without_fan_out' },
  deliveries: { missingRow: 'delivery_without_row', missingFact: 'row_without_delivery' },
  attempts: { missingRow: 'attempt_without_row', missingFact: 'row_without_attempt' },
}

/**
 * Holds one table's rows of the audited time against the log. Give it every row once, then ask.
 *
 * @param later what came into the log while the rows were read: known to rows, perhaps
 */
export class RowAudit {
  readonly findings: Finding[] = []
  readonly #seen = new Acceptances()

  constructor(
    private readonly table: AuditedTable,
    private readonly ledger: LogLedger,
    private readonly time: AuditedTime,
  ) {}

  row(row: AuditedRow): void {
    const id = keyOf(row)
    this.#seen.add(id, row.acceptedAt)
    if (!isInLog(this.table, id, this.ledger, row.acceptedAt)) {
      this.findings.push({ kind: KINDS[this.table].missingFact, id })
      return
    }
    if (this.table !== 'deliveries') return
    const told = endOf(this.ledger.delivery(id, row.acceptedAt)!)
    if (row.chain !== told.chain || row.chainEnd !== told.end) {
      const detail = `log: chain ${told.chain} ${told.end ?? 'waiting'}; row: chain ${row.chain} ${row.chainEnd ?? 'waiting'}`
      this.findings.push({ kind: 'row_differs', id, detail })
    }
  }

  /** What the log tells of and no row was given for; the caller may know of rows elsewhere. */
  missing(): SoughtRow[] {
    const missing: SoughtRow[] = []
    for (const [id, acceptedAt] of this.#told()) {
      if (isWithin(acceptedAt, this.time) && !this.#seen.has(id, acceptedAt)) missing.push({ id, acceptedAt })
    }
    return missing
  }

  *#told(): Generator<[id: string, acceptedAt: number]> {
    const { accepted, fannedOut, attempts } = this.ledger
    switch (this.table) {
      case 'events':
        return yield* accepted
      case 'fan_outs':
        return yield* fannedOut
      case 'deliveries':
        for (const [id, { acceptedAt }] of deliveriesOf(this.ledger)) yield [id, acceptedAt]
        return
      case 'attempts':
        for (const [id, { acceptedAt }] of attempts) yield [id, acceptedAt]
    }
  }
}

/** Of a row that the log tells of and that is nowhere. */
export function missingRow(table: AuditedTable, { id }: SoughtRow): Finding {
  return { kind: KINDS[table].missingRow, id }
}

/** Without what later facts explain: they came into the log while the rows were read. */
export function unexplained(findings: Finding[], later: LogLedger): Finding[] {
  return findings.filter(({ kind, id }) => {
    const table = (Object.keys(KINDS) as AuditedTable[]).find((each) => KINDS[each].missingFact === kind)
    if (kind === 'row_differs') return !later.deliveries.has(id)
    return table === undefined || !isInLog(table, id, later)
  })
}

/** @param acceptedAt where it matters which of the events that came under the id; ms since the epoch */
function isInLog(table: AuditedTable, id: string, ledger: LogLedger, acceptedAt?: number): boolean {
  switch (table) {
    case 'events':
      return ledger.accepted.has(id, acceptedAt)
    case 'fan_outs':
      return ledger.fannedOut.has(id, acceptedAt)
    case 'deliveries':
      return acceptedAt === undefined ? ledger.deliveries.has(id) : ledger.delivery(id, acceptedAt) !== undefined
    case 'attempts':
      return ledger.attempts.has(id)
  }
}

function keyOf({ accountId, id }: AuditedRow): string {
  return accountId === null ? id : eventKey(accountId, id)
}

/** Of the latest chain: `delivered` beats any other end, else the first stands. */
function endOf({ chains }: LoggedDelivery): { chain: number; end: ChainEnd | null } {
  const latest = chains.reduce((a, b) => (b.number > a.number ? b : a))
  const delivered = latest.ends.find(({ kind }) => kind === 'delivered')
  const first = latest.ends.toSorted((a, b) => a.at - b.at || (a.kind < b.kind ? -1 : 1))[0]
  return { chain: latest.number, end: (delivered ?? first)?.kind ?? null }
}
