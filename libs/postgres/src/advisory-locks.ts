/**
 * Every advisory lock of the product: numbers without a table, known to all replicas. They share one space with
 * whatever else uses the database, hence the unlikely prefix.
 */
export const LOCKS = {
  /** Held for a session by whoever migrates: TypeORM itself takes no lock. */
  migrations: 7_294_001,
  /** Held by each transaction that changes configuration, so that the outbox's sequence is the order of commits. */
  configuration: 7_294_002,
  /** Held by the relay that publishes the outbox; tried, never waited for. */
  relay: 7_294_003,
  /** Held while read models are written: rows are read, merged and written back, by one writer at a time. */
  projection: 7_294_004,
  /** Held while partitions are made or dropped. */
  partitions: 7_294_005,
  /** Held for a session by whoever rebuilds the read models. */
  rebuild: 7_294_006,
  /** Held while read models that are not yet in use are written. */
  rebuiltProjection: 7_294_007,
  /** Held by whoever does the accounting; tried, never waited for. */
  accounting: 7_294_008,
} as const
