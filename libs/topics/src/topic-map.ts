import type { RetrySchedule, RetryTier } from '#domain'

/** How the broker keeps a topic. `partitions` unset: as many as `KAFKA_PARTITIONS` says. */
export interface TopicSpec {
  name: string
  partitions?: number
  config: Record<string, string>
}

export interface TopicMapOptions {
  /** Put before every name, so that several environments can share a cluster. */
  prefix: string
  schedule: RetrySchedule
  /** Ms. */
  eventRetentionMs: number
  deliveryRetentionMs: number
  /** The longest a deferred delivery may wait, ms: work that waits must not be deleted under it. */
  deliveryMaxAgeMs: number
}

const DAY_MS = 86_400_000

/** Every topic of the pipeline, by its role. The names of the tiers derive from the retry schedule. */
export class TopicMap {
  readonly contextEvents: string
  readonly webhookChanges: string
  readonly deliveries: string
  readonly replay: string
  readonly deadLetter: string
  readonly deliveryLog: string
  readonly webhookCommands: string

  constructor(private readonly options: TopicMapOptions) {
    const named = (name: string) => options.prefix + name
    this.contextEvents = named('context-events')
    this.webhookChanges = named('webhook-changes')
    this.deliveries = named('deliveries')
    this.replay = named('deliveries.replay')
    this.deadLetter = named('deliveries.dead-letter')
    this.deliveryLog = named('delivery-log')
    this.webhookCommands = named('webhook-commands')
  }

  tier(tier: RetryTier): string {
    return `${this.tierPrefix}${tier.name}`
  }

  get tiers(): string[] {
    return this.options.schedule.tiers.map((tier) => this.tier(tier))
  }

  /** Tiers among the existing topics that the schedule no longer names; they are drained, then left alone. */
  leftBehindTiers(existing: string[]): string[] {
    return existing.filter((name) => name.startsWith(this.tierPrefix) && !this.tiers.includes(name))
  }

  isTier(topic: string): boolean {
    return topic.startsWith(this.tierPrefix)
  }

  /** Same key, same number of partitions: partition p of each of these holds the same webhooks. */
  get coPartitioned(): string[] {
    return [this.deliveries, ...this.tiers, this.replay]
  }

  get specs(): TopicSpec[] {
    const { eventRetentionMs, deliveryRetentionMs, schedule, deliveryMaxAgeMs } = this.options
    const kept = (ms: number) => ({ 'cleanup.policy': 'delete', 'retention.ms': String(ms) })
    const longestWait = Math.max(deliveryMaxAgeMs, schedule.tiers.at(-1)!.delayMs)
    const work = kept(Math.max(7 * DAY_MS, 2 * longestWait + 3 * DAY_MS))
    return [
      { name: this.contextEvents, config: kept(eventRetentionMs) },
      { name: this.webhookChanges, partitions: 1, config: { 'cleanup.policy': 'compact' } },
      ...this.coPartitioned.map((name) => ({ name, config: work })),
      { name: this.deadLetter, config: kept(eventRetentionMs) },
      // Where events went is in it as well: a rebuild would lose that of those that are still kept.
      { name: this.deliveryLog, config: kept(Math.max(eventRetentionMs, deliveryRetentionMs)) },
      { name: this.webhookCommands, config: kept(7 * DAY_MS) },
    ].map((spec) => ({ ...spec, config: { ...spec.config, ...APPEND_TIME } }))
  }

  /** What the names of all tiers begin with, whichever schedule they are of. */
  get tierPrefix(): string {
    return `${this.deliveries}.retry-`
  }

  /** The name of a consumer group, with the environment's prefix. */
  group(name: string): string {
    return this.options.prefix + name
  }
}

/** One clock for all: acceptance times and waits are the broker's, not those of whichever process wrote. */
const APPEND_TIME = { 'message.timestamp.type': 'LogAppendTime' }
