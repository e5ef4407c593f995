import { Gauge, type Registry } from './metrics.js'
import type { HealthChecks } from './management-server.js'

/** What health and metrics need to know of a consumer. */
export interface ObservedConsumer {
  /** A member of its group, with every partition's offsets read. */
  isReady(): boolean
  /** Since the fetch loop last went round. */
  fetchAgeMs(): number
  lag(): { topic: string; lag: number }[]
}

/**
 * So long without a fetch, and something of this process alone may keep it from the broker. Not sooner: a loop that is
 * dead while the broker answers ends its process by itself, and a broker that is away is no reason for a restart, which
 * forgets what was attempted and not written yet. Longer than the ten minutes after which Kubernetes restarts without
 * a growing pause, so that no pod sits one out when the broker is back. Ms.
 */
const CUT_OFF_AFTER_MS = 15 * 60_000
/** A fetch is answered within a second, also where there is nothing new. Ms. */
const SILENT_AFTER_MS = 15_000

/**
 * Health by progress: a process that lives and consumes nothing is not live.
 * @param started the consumer, once the service has started; may be asked before there is one
 */
export function consumerHealth(started: () => ObservedConsumer | undefined, isDraining: () => boolean): HealthChecks {
  return {
    // It listens, so its configuration is right. What it may still wait for is away, and no restart brings that back.
    started: () => null,
    ready: () => {
      const consumer = started()
      if (!consumer) return 'starting'
      if (isDraining()) return 'draining'
      if (!consumer.isReady()) return 'not a member of the consumer group'
      const age = consumer.fetchAgeMs()
      return age < SILENT_AFTER_MS ? null : `nothing was fetched for ${seconds(age)}: Kafka does not answer`
    },
    live: () => {
      const consumer = started()
      if (!consumer) return null
      const age = consumer.fetchAgeMs()
      return age < CUT_OFF_AFTER_MS ? null : `nothing was fetched for ${seconds(age)}`
    },
  }
}

function seconds(ms: number): string {
  return `${Math.round(ms / 1_000)} s`
}

const observed = new WeakMap<Registry, ObservedConsumer[]>()

/**
 * Records between what is committed and the end, by topic; the sum over this process's partitions. For each consumer
 * of a process once.
 */
export function observeLag(registry: Registry, consumer: ObservedConsumer): void {
  const consumers = observed.get(registry)
  if (consumers) {
    consumers.push(consumer)
    return
  }
  const all = [consumer]
  observed.set(registry, all)
  new Gauge({
    name: 'webhooks_consumer_lag_records',
    help: 'Records of the partitions held here that are not complete.',
    labelNames: ['topic'],
    registers: [registry],
    collect() {
      const perTopic = new Map<string, number>()
      for (const { topic, lag } of all.flatMap((each) => each.lag()))
        perTopic.set(topic, (perTopic.get(topic) ?? 0) + lag)
      this.reset()
      for (const [topic, lag] of perTopic) this.set({ topic }, lag)
    },
  })
}
