import type { Admin } from 'kafkajs'
import { brokerErrorType } from '../client/cluster-link.js'
import { kafkaJs } from '../client/kafkajs.js'
import { pauseFor } from '../client/pause-for.js'
import type { KafkaClient, KafkaConnection } from '../kafka-connection.js'

/** A topic as it should be; `config` in Kafka's own names, such as `retention.ms`. */
export interface TopicSpec {
  name: string
  partitions: number
  replicationFactor: number
  config: Record<string, string>
}

/** How a topic is kept; `config` as it is in force, set on the topic or not. */
export interface TopicSettings {
  /** Of each partition; of the one with the fewest where they differ. */
  replicas: number
  config: Record<string, string>
}

/** A partition's first offset and the one that its next record will have. */
export interface PartitionBounds {
  partition: number
  first: number
  end: number
}

/** What a group has committed; undefined offset: nothing. */
export interface CommittedOffset {
  topic: string
  partition: number
  offset: number | undefined
}

const REQUEST_TIMEOUT_MS = 10_000
const AWAIT_EVERY_MS = 500
const LED_EVERY_MS = 20
const CREATE_TIMEOUT_MS = 10_000
const RETRY = { retries: 5, initialRetryTime: 200, maxRetryTime: 2_000 }

/** Topics and groups as a whole. Every call rejects when the broker stays away for some seconds. */
export class TopicAdmin {
  private readonly client: KafkaClient
  private readonly admin: Admin
  private connected: Promise<void> | undefined

  constructor(private readonly connection: KafkaConnection) {
    this.client = connection.client(REQUEST_TIMEOUT_MS)
    this.admin = this.client.kafka.admin({ retry: RETRY })
  }

  /** Creates the topics that do not exist and returns their names; existing ones are left as they are. */
  async ensureTopics(specs: TopicSpec[]): Promise<string[]> {
    const existing = new Set(await this.listTopics())
    const missing = specs.filter(({ name }) => !existing.has(name))
    if (missing.length === 0) return []
    const admin = await this.ready()
    // False when another process was quicker; then the topics are there all the same.
    await admin.createTopics({
      timeout: CREATE_TIMEOUT_MS,
      waitForLeaders: false,
      topics: missing.map(({ name, partitions, replicationFactor, config }) => ({
        topic: name,
        numPartitions: partitions,
        replicationFactor,
        configEntries: Object.entries(config).map(([entry, value]) => ({ name: entry, value })),
      })),
    })
    const created = missing.map(({ name }) => name)
    await this.untilLed(created)
    return created
  }

  /**
   * Resolves when all topics exist: a service that is started before the command that creates them waits for it, and
   * says so. Goes on for ever, also while the broker is away.
   */
  async awaitTopics(names: string[]): Promise<void> {
    for (let told = false; ; told = true) {
      const missing = await this.missing(names)
      if (missing.length === 0) return
      if (!told) this.connection.log.warn({ missing }, 'waiting for topics: `admin create-topics` makes them')
      await pauseFor(AWAIT_EVERY_MS)
    }
  }

  /** How many partitions each topic has; topics that do not exist are left out. */
  async partitionCounts(names: string[]): Promise<Map<string, number>> {
    const existing = new Set(await this.listTopics())
    const topics = names.filter((name) => existing.has(name))
    if (topics.length === 0) return new Map()
    const { topics: found } = await (await this.ready()).fetchTopicMetadata({ topics })
    return new Map(found.map(({ name, partitions }) => [name, partitions.length]))
  }

  /**
   * How these topics are kept; topics that do not exist are left out.
   * @param entries what to tell, in Kafka's own names
   * @returns null: this user may see the topics, and not their configuration
   */
  async topicSettings(names: string[], entries: string[]): Promise<Map<string, TopicSettings> | null> {
    const existing = new Set(await this.listTopics())
    const topics = names.filter((name) => existing.has(name))
    if (topics.length === 0) return new Map()
    const admin = await this.ready()
    const asked = topics.map((name) => ({ type: kafkaJs.ConfigResourceTypes.TOPIC, name, configNames: entries }))
    try {
      const [{ topics: found }, { resources }] = await Promise.all([
        admin.fetchTopicMetadata({ topics }),
        admin.describeConfigs({ resources: asked, includeSynonyms: false }),
      ])
      const replicas = new Map(found.map(({ name, partitions }) => [name, fewestReplicas(partitions)]))
      return new Map(
        resources.map(({ resourceName, configEntries }) => [
          resourceName,
          { replicas: replicas.get(resourceName) ?? 0, config: Object.fromEntries(configEntries.map(entryOf)) },
        ]),
      )
    } catch (error) {
      if (brokerErrorType(error) === 'TOPIC_AUTHORIZATION_FAILED') return null
      throw error
    }
  }

  async listTopics(): Promise<string[]> {
    return (await this.ready()).listTopics()
  }

  /** The bounds of every partition, ascending by partition. */
  async endOffsets(topic: string): Promise<PartitionBounds[]> {
    const offsets = await (await this.ready()).fetchTopicOffsets(topic)
    return offsets
      .map(({ partition, low, high }) => ({ partition, first: Number(low), end: Number(high) }))
      .sort((a, b) => a.partition - b.partition)
  }

  async committed(groupId: string, topics: string[]): Promise<CommittedOffset[]> {
    const offsets = await (await this.ready()).fetchOffsets({ groupId, topics })
    return offsets.flatMap(({ topic, partitions }) =>
      partitions.map(({ partition, offset }) => ({
        topic,
        partition,
        offset: Number(offset) < 0 ? undefined : Number(offset),
      })),
    )
  }

  async close(): Promise<void> {
    try {
      if (this.connected) await this.admin.disconnect()
    } finally {
      this.client.end()
    }
  }

  /** All of them while the broker cannot be asked. */
  private async missing(names: string[]): Promise<string[]> {
    try {
      const existing = new Set(await this.listTopics())
      return names.filter((name) => !existing.has(name))
    } catch (error) {
      this.connection.log.debug({ error: String(error) }, 'the broker does not tell its topics')
      return names
    }
  }

  /** A created topic is unknown for some milliseconds, which kafkajs' own waiting takes as final. */
  private async untilLed(topics: string[]): Promise<void> {
    const until = Date.now() + CREATE_TIMEOUT_MS
    for (;;) {
      try {
        const { topics: found } = await (await this.ready()).fetchTopicMetadata({ topics })
        if (found.every(({ partitions }) => partitions.every(({ leader }) => leader >= 0))) return
        if (Date.now() > until) throw new Error(`no leader was elected for one of ${topics.join(', ')}`)
      } catch (error) {
        if (Date.now() > until) throw error
      }
      await pauseFor(LED_EVERY_MS)
    }
  }

  private async ready(): Promise<Admin> {
    this.connected ??= this.admin.connect()
    try {
      await this.connected
    } catch (error) {
      this.connected = undefined
      throw error
    }
    return this.admin
  }
}

function fewestReplicas(partitions: { replicas: number[] }[]): number {
  return Math.min(...partitions.map(({ replicas }) => replicas.length))
}

function entryOf({ configName, configValue }: { configName: string; configValue: string }): [string, string] {
  return [configName, configValue]
}
