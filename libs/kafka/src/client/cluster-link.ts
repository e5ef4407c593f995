import type { logCreator } from 'kafkajs'
import type { KafkaSettings } from '../kafka-settings.js'
import { type Cluster, ClusterOfKafkaJs, createLogger } from './kafkajs.js'
import { rotated } from './rotated.js'
import { SocketLease } from './socket-lease.js'
import { tlsOptions } from './tls-options.js'
import { within } from './within.js'

const LOG_LEVEL_WARN = 2
/** Leaders and new partitions are looked up again at least this often. */
const METADATA_MAX_AGE_MS = 300_000
/** From one look at who leads to the next, however much is refused. Ms. */
const LOOK_UP_EVERY_MS = 500

interface OpenCluster {
  cluster: Cluster
  lease: SocketLease
  /** A broker has refused something: leaders may have moved. */
  isStale: boolean
  /** `performance.now()` of the last time that they were looked up for it. */
  lookedUpAt: number
}

/**
 * Connections to the cluster for single requests, without kafkajs' retries: whoever asks knows what to do with
 * a failure. After anything but a broker's own error code every connection is thrown away and made anew by the
 * next request, so that a half-open one costs one request time-out, never more; after an error code leaders are looked
 * up anew.
 */
export class ClusterLink {
  private open: OpenCluster | undefined
  private opened = 0
  private closed = false

  constructor(
    private readonly settings: KafkaSettings,
    private readonly logCreator: logCreator,
    private readonly requestTimeoutMs: number,
  ) {}

  /**
   * Runs the work on a connected cluster that knows the topics.
   * Rejects with a broker's error, a connection's, or OutOfTime after the request time-out and a half.
   */
  async run<T>(topics: string[], work: (cluster: Cluster) => Promise<T>): Promise<T> {
    if (this.closed) throw new Error('this Kafka link was closed')
    const open = (this.open ??= this.connectLazily())
    try {
      return await within(this.requestTimeoutMs * 1.5, 'a request to Kafka', this.prepared(open, topics, work))
    } catch (error) {
      if (isBrokersAnswer(error)) open.isStale = true
      else this.discard(open)
      throw error
    }
  }

  /** Throws the connections away; the next request makes new ones. */
  renew(): void {
    if (this.open) this.discard(this.open)
  }

  close(): void {
    this.closed = true
    if (this.open) this.discard(this.open)
  }

  private async prepared<T>(open: OpenCluster, topics: string[], work: (cluster: Cluster) => Promise<T>): Promise<T> {
    const { cluster } = open
    await cluster.connect()
    await cluster.addMultipleTargetTopics(topics)
    if (open.isStale && performance.now() - open.lookedUpAt >= LOOK_UP_EVERY_MS) await this.lookUpAgain(open)
    else await cluster.refreshMetadataIfNecessary()
    return work(cluster)
  }

  /** While a partition has no leader the broker tells nothing of any: what is known has to do. */
  private async lookUpAgain(open: OpenCluster): Promise<void> {
    open.lookedUpAt = performance.now()
    try {
      await open.cluster.refreshMetadata()
      open.isStale = false
    } catch (error) {
      if (!isBrokersAnswer(error)) throw error
    }
  }

  private connectLazily(): OpenCluster {
    // kafkajs begins with the first, and without retries it asks no other: the one that failed must not be the first again.
    const lease = new SocketLease(rotated(this.settings.brokers, this.opened++))
    const cluster = new ClusterOfKafkaJs({
      logger: createLogger({ level: LOG_LEVEL_WARN, logCreator: this.logCreator }),
      socketFactory: lease.factory,
      brokers: lease.brokers,
      ssl: tlsOptions(this.settings),
      sasl: this.settings.sasl,
      clientId: this.settings.clientId,
      connectionTimeout: Math.min(this.requestTimeoutMs, 3_000),
      requestTimeout: this.requestTimeoutMs,
      enforceRequestTimeout: true,
      metadataMaxAge: METADATA_MAX_AGE_MS,
      allowAutoTopicCreation: false,
      isolationLevel: 1,
      retry: { retries: 0 },
    })
    return { cluster, lease, isStale: false, lookedUpAt: -Infinity }
  }

  private discard(open: OpenCluster): void {
    if (this.open === open) this.open = undefined
    open.lease.end()
    // Only tells kafkajs to forget; the sockets are gone already, so a failure here has nothing left to say.
    open.cluster.disconnect().catch(() => undefined)
  }
}

/** An error code in an answer says that the connection works; kafkajs wraps it when it gives up retrying. */
function isBrokersAnswer(error: unknown): boolean {
  return brokerErrorType(error) !== undefined
}

/** The broker's name for what it answered, such as UNKNOWN_TOPIC_OR_PARTITION; undefined for everything else. */
export function brokerErrorType(error: unknown): string | undefined {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if ('type' in cause && typeof cause.type === 'string') return cause.type
  }
  return undefined
}
