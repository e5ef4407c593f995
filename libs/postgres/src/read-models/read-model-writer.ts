import { LOCKS } from '../advisory-locks.js'
import type { Database, Session } from '../database.js'
import { sqlState } from '../database-unavailable.js'
import { knownHealth, writeHealth } from '../health/health-writes.js'
import { MOST_RECENT } from '../health/streak-record.js'
import { together } from '../together.js'
import { writeAttempts } from './attempt-writes.js'
import { placeDeliveries, writeDeliveries } from './delivery-writes.js'
import { writeEvents } from './event-writes.js'
import { writeFanOuts } from './fan-out-writes.js'
import { type Balance, emptyBalance } from './balance.js'
import type { PartitionStore } from './partition-store.js'
import type { ReadModelRows, ReadModelTable } from './read-model-rows.js'
import { dayOf } from './utc-day.js'

export interface Written {
  /** How many rows went where, repeats made one; and how many were older than the retention and went nowhere. */
  rows: Record<ReadModelTable | 'too_old', number>
  /** What became known by them and was not known before. */
  balance: Balance
}

export interface WriterSettings {
  /** Held while writing: two projectors hold different partitions of the log and may know of the same delivery. */
  lock: number
  /** Of a streak, how many failures are kept one by one. */
  recentFailures: number
}

const IN_USE: WriterSettings = { lock: LOCKS.projection, recentFailures: MOST_RECENT }

/** Writes the read models. Given the same rows again, in any order and any portions, the tables end up the same. */
export class ReadModelWriter {
  constructor(
    private readonly database: Database,
    private readonly partitions: PartitionStore,
    private readonly settings: WriterSettings = IN_USE,
  ) {}

  /**
   * All or nothing, in one transaction.
   * @throws {DatabaseUnavailable} and whatever else Postgres says; the same rows may be written again
   */
  async write(rows: ReadModelRows): Promise<Written> {
    const kept = this.#withoutExpired(rows)
    await this.#ensurePartitions(kept)
    try {
      const tooOld = count(rows) - count(kept)
      // Taking turns makes reading a row, merging and writing it back safe. A turn is some milliseconds.
      return await this.database.transaction(async (session) => {
        const { rows, balance } = await writeAll(session, kept, this.settings.recentFailures)
        return { rows: { ...rows, too_old: tooOld }, balance }
      }, this.settings.lock)
    } catch (error) {
      // A partition that was known to be there is not: dropped by another process, or by hand.
      if (sqlState(error) === NO_PARTITION) this.partitions.forget()
      throw error
    }
  }

  #withoutExpired(rows: ReadModelRows): ReadModelRows {
    const isKept = (table: ReadModelTable) => (row: { acceptedAt: number }) =>
      this.partitions.isKept(table, row.acceptedAt)
    return {
      events: rows.events.filter(isKept('events')),
      fanOuts: rows.fanOuts.filter(isKept('fan_outs')),
      deliveries: rows.deliveries.filter(isKept('deliveries')),
      attempts: rows.attempts.filter(isKept('attempts')),
    }
  }

  async #ensurePartitions(rows: ReadModelRows): Promise<void> {
    const days = (of: { acceptedAt: number }[]) => new Set(of.map((row) => dayOf(row.acceptedAt)))
    await this.partitions.ensureDays('events', days(rows.events))
    await this.partitions.ensureDays('fan_outs', days(rows.fanOuts))
    await this.partitions.ensureDays('deliveries', days(rows.deliveries))
    // Of deliveries too, since an attempt goes where its delivery is.
    await this.partitions.ensureDays('attempts', days([...rows.deliveries, ...rows.attempts]))
  }
}

/** A check violation; for a row that no partition takes, Postgres has no code of its own. */
const NO_PARTITION = '23514'

/** Each statement leaves as soon as what it needs is known: three ways to Postgres and back, however many they are. */
async function writeAll(session: Session, rows: ReadModelRows, recentFailures: number) {
  const balance = emptyBalance()
  const [events, fanOuts, { deliveries, attempts }] = await together(
    writeEvents(session, rows.events, balance),
    writeFanOuts(session, rows.fanOuts, balance),
    writeDeliveriesAndAttempts(session, rows, balance, recentFailures),
  )
  return { rows: { events, fan_outs: fanOuts, deliveries, attempts }, balance }
}

async function writeDeliveriesAndAttempts(
  session: Session,
  rows: ReadModelRows,
  balance: Balance,
  recentFailures: number,
): Promise<{ deliveries: number; attempts: number }> {
  const [deliveries, health] = await together(
    placeDeliveries(session, rows.deliveries, balance),
    knownHealth(session, new Set(rows.attempts.map(({ webhookId }) => webhookId))),
  )
  const [attempts] = await together(
    writeAttempts(session, rows.attempts, deliveries.homes),
    writeDeliveries(session, deliveries),
  )
  await writeHealth(session, health, attempts.judged, recentFailures)
  return { deliveries: deliveries.fresh.length + deliveries.changed.length, attempts: attempts.count }
}

function count(rows: ReadModelRows): number {
  return rows.events.length + rows.fanOuts.length + rows.deliveries.length + rows.attempts.length
}
