/** Times in milliseconds, sizes in bytes. */
export interface ConsumerSettings {
  /** After this without a heartbeat the group takes our partitions; also how long a killed member's are idle. */
  sessionTimeoutMs: number
  heartbeatIntervalMs: number
  /** How long a rebalance waits for a member that is busy. */
  rebalanceTimeoutMs: number
  /** The longest a fetch waits for records, and a resume for its effect when all else is paused. */
  maxWaitMs: number
  /** From one fetch that brought records to the next, at least; what comes meanwhile comes together. See `Pace`. */
  fetchEveryMs: number
  /** Of one partition in one fetch: also by how much a pause may come too late. */
  maxBytesPerPartition: number
  maxBytes: number
  commitIntervalMs: number
  /** Sooner once so many records are complete, so that a crash after a burst repeats little. */
  commitAfterRecords: number
}

const DEFAULTS: ConsumerSettings = {
  sessionTimeoutMs: 10_000,
  heartbeatIntervalMs: 1_000,
  rebalanceTimeoutMs: 15_000,
  maxWaitMs: 500,
  fetchEveryMs: 0,
  maxBytesPerPartition: 524_288,
  maxBytes: 10_485_760,
  commitIntervalMs: 250,
  commitAfterRecords: Infinity,
}

export function consumerSettings(overrides: Partial<ConsumerSettings> = {}): ConsumerSettings {
  return { ...DEFAULTS, ...overrides }
}
