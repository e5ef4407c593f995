import { type BeforeApplicationShutdown, Inject, Injectable, type OnApplicationBootstrap } from '@nestjs/common'
import type { ApiConfig } from '#config'
import type { DisableVerdict, WebhookCommand } from '#domain'
import { BatchingProducer, type ConsumedRecord, DecoupledConsumer, KafkaConnection, type RecordBatch } from '#kafka'
import { DisableStore } from '#postgres'
import { Counter, LOGGER, type Logger, Registry, observeLag, endProcess } from '#telemetry'
import { TopicMap, UndecodableRecord, decodeWebhookCommand, encodeUndecodable } from '#topics'
import { ReadModelProgress } from '../deliveries/read-model-progress.js'
import { API_CONFIG } from '../infrastructure/injection-tokens.js'
import { Notifications } from '../notifications/notifications.js'
import { OutboxRelay } from '../webhooks/outbox-relay.js'

/**
 * How long the commands of one batch wait for the read models, and with them those behind them in their partition.
 * What is put off then is not lost: while it is silent a lane repeats its command every 30 s, and a lane that forgot
 * it with its process calls its receiver again and finds out anew. Ms.
 */
const WAIT_FOR_READ_MODELS_MS = 5_000

/** Commands are rare, and a fetch that finds one is answered at once: fewer idle fetches. Ms. */
const FETCH_WAIT_MS = 1_000

type Verdict = DisableVerdict | 'put_off'

/** What can become of each command: a 410 is never put off. */
const VERDICTS: Record<WebhookCommand['reason'], Verdict[]> = {
  gone: ['disable', 'refuted', 'outdated'],
  failing: ['disable', 'refuted', 'outdated', 'put_off'],
}

/** Follows the dispatcher's commands, each until it has led to something: the lane that asked is silent meanwhile. */
@Injectable()
export class WebhookCommands implements OnApplicationBootstrap, BeforeApplicationShutdown {
  readonly consumer: DecoupledConsumer
  readonly #commands: Counter
  readonly #stopping = new AbortController()

  constructor(
    connection: KafkaConnection,
    private readonly topics: TopicMap,
    private readonly store: DisableStore,
    private readonly progress: ReadModelProgress,
    private readonly relay: OutboxRelay,
    private readonly notifications: Notifications,
    private readonly producer: BatchingProducer,
    registry: Registry,
    @Inject(API_CONFIG) { topics: { prefix } }: Pick<ApiConfig, 'topics'>,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    this.#commands = new Counter({
      name: 'webhooks_disable_commands_total',
      help: 'Commands to disable a webhook by verdict; put_off: the read models were too far behind to judge.',
      labelNames: ['reason', 'verdict'],
      registers: [registry],
    })
    // A rate is only seen from the second sample on.
    for (const [reason, verdicts] of Object.entries(VERDICTS)) {
      for (const verdict of verdicts) this.#commands.inc({ reason, verdict }, 0)
    }
    this.consumer = new DecoupledConsumer(
      connection,
      {
        groupId: `${prefix}webhook-commands`,
        topics: [topics.webhookCommands],
        assignment: 'spread',
        waitsForTopics: true,
        trackBeyondMark: false,
        settings: { maxWaitMs: FETCH_WAIT_MS },
      },
      (batch) => this.#follow(batch),
      {
        onFatal: endProcess,
      },
    )
    observeLag(registry, this.consumer)
  }

  /** Not awaited: the API serves also while Kafka is not there yet. */
  onApplicationBootstrap(): void {
    void this.consumer.start()
  }

  /** Before the relay and the notifications stop, which it wakes. */
  async beforeApplicationShutdown(): Promise<void> {
    this.#stopping.abort()
    await this.consumer.close()
  }

  /** When this rejects, Postgres or Kafka being away, it is called again with the same batch: following twice is once. */
  async #follow(batch: RecordBatch): Promise<void> {
    const commands = await this.#readable(batch.records)
    const isGone = ({ reason }: WebhookCommand) => reason === 'gone'
    for (const command of commands.filter(isGone)) await this.#judge(command)
    const doubtful = commands.filter((command) => !isGone(command))
    if (doubtful.length > 0) {
      // What is in the log now includes all that the senders of these commands had written before.
      const canJudge = await this.progress.caughtUp(WAIT_FOR_READ_MODELS_MS, this.#stopping.signal)
      for (const command of doubtful) {
        if (canJudge) await this.#judge(command)
        else this.#told(command, 'put_off')
      }
    }
    batch.completeAll()
  }

  async #judge(command: WebhookCommand): Promise<void> {
    const verdict = await this.store.follow(command)
    // Whoever waits for the answer, or to be notified, need not wait for the next round.
    if (verdict !== 'outdated') this.relay.wake()
    if (verdict === 'disable') this.notifications.wake()
    this.#told(command, verdict)
  }

  #told(command: WebhookCommand, verdict: Verdict): void {
    const { reason, webhookId, accountId, version, evidence } = command
    this.#commands.inc({ reason, verdict })
    const { failures, since, deliveryId } = evidence
    const fields = { stage: 'webhook.disable', webhookId, accountId, version, reason, verdict }
    this.logger.info({ ...fields, failures, since: new Date(since).toISOString(), deliveryId }, 'disable command')
  }

  async #readable(records: readonly ConsumedRecord[]): Promise<WebhookCommand[]> {
    const commands: WebhookCommand[] = []
    for (const record of records) {
      try {
        commands.push(decodeWebhookCommand(record))
      } catch (error) {
        if (!(error instanceof UndecodableRecord)) throw error
        const { topic, partition, offset } = record
        this.logger.error({ topic, partition, offset, problem: error.message }, 'undecodable record')
        await this.producer.send([encodeUndecodable(this.topics.deadLetter, record, record, error.message)])
      }
    }
    return commands
  }
}
