import { setTimeout as sleep } from 'node:timers/promises'
import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common'
import type { Delivery, TokenBucket } from '#domain'
import { BatchingProducer, KafkaConnection } from '#kafka'
import { type PlannedDelivery, type ReplayPage, type ReplayRow, ReplayStore } from '#postgres'
import { Counter, LOGGER, type Logger, Registry } from '#telemetry'
import { TopicMap, encodeDelivery, encodeFact } from '#topics'
import { redeliveryRequested } from '../admin/dead-letter.js'
import { replayDelivery } from './replay-delivery.js'

/** With the broker away for longer, the page is tried again from its beginning. Ms. */
const SEND_WITHIN_MS = 10_000
/** Fewer would press on the lane, more would each be a request of their own. */
const BURSTS_PER_SECOND = 40
/** Texts in memory, and made into deliveries in one turn of the event loop: the API has requests to answer meanwhile. */
const BODIES_AT_ONCE = 100

export interface SentPage {
  /** How many of the page's events were there to send. */
  sent: number
  /** The last of them; undefined where none was. */
  last: PlannedDelivery | undefined
}

/** Puts pages into the log, at the replay's own rate. */
@Injectable()
export class ReplaySender implements OnApplicationBootstrap, OnApplicationShutdown {
  /** Not the one of accepted events: a burst of large bodies must not stand before a producer's event. */
  readonly #producer: BatchingProducer
  readonly #sent: Counter

  constructor(
    connection: KafkaConnection,
    private readonly topics: TopicMap,
    private readonly store: ReplayStore,
    registry: Registry,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    this.#producer = new BatchingProducer(connection, { idempotent: true, deadlineMs: SEND_WITHIN_MS })
    this.#sent = new Counter({
      name: 'webhooks_replayed_deliveries_total',
      help: 'Deliveries that replays handed to the dispatcher, repeats after a crash included.',
      registers: [registry],
    })
  }

  /** Not awaited: sends connect by themselves where the broker is away now. */
  onApplicationBootstrap(): void {
    void this.#producer.start()
  }

  async onApplicationShutdown(): Promise<void> {
    await this.#producer.close()
  }

  /**
   * The same page any number of times is the same chains, which the dispatcher recognises.
   * @throws {ProduceFailed} some may be in the log then
   */
  async send(replay: ReplayRow, page: ReplayPage, webhookVersion: number, bucket: TokenBucket): Promise<SentPage> {
    const startedAt = Date.now()
    let sent = 0
    let last: PlannedDelivery | undefined
    for (let at = 0; at < page.deliveries.length; at += BODIES_AT_ONCE) {
      const planned = page.deliveries.slice(at, at + BODIES_AT_ONCE)
      const deliveries = await this.#deliveriesOf(replay, planned, webhookVersion)
      await this.#sendAtRate(deliveries, replay.ratePerSecond, bucket)
      sent += deliveries.length
      const lastSent = deliveries.at(-1)
      last = planned.findLast((each) => isOf(each, lastSent)) ?? last
    }
    const ms = Date.now() - startedAt
    const fields = { stage: 'replay.send', replayId: replay.id, planned: page.deliveries.length }
    this.logger.debug({ ...fields, sent, ms }, 'replayed')
    return { sent, last }
  }

  async #deliveriesOf(replay: ReplayRow, planned: PlannedDelivery[], webhookVersion: number): Promise<Delivery[]> {
    const bodies = await this.store.bodies(replay.accountId, planned)
    return planned.flatMap((each) => {
      const body = bodies.get(`${each.eventId}/${each.acceptedAt}`)
      if (body === undefined) return []
      return [replayDelivery(replay, each, body, webhookVersion)]
    })
  }

  async #sendAtRate(deliveries: Delivery[], ratePerSecond: number, bucket: TokenBucket): Promise<void> {
    const most = Math.ceil(ratePerSecond / BURSTS_PER_SECOND)
    await this.#write([], deliveries.slice(0, most))
    for (let sent = 0; sent < deliveries.length;) {
      const wanted = Math.min(most, deliveries.length - sent)
      const burst = bucket.take(wanted, Date.now())
      const next = sent + burst
      if (burst > 0) await this.#write(deliveries.slice(sent, next), deliveries.slice(sent + most, next + most))
      sent = next
      // Until a whole burst may go: a token at a time would be a request each.
      if (sent < deliveries.length) await sleep(bucket.waitMs(Math.min(most, deliveries.length - sent), Date.now()))
    }
  }

  /**
   * Deliveries, and in the same request the facts of those that come a burst later: of every chain that may end
   * somewhere, the log knows the beginning.
   */
  async #write(deliveries: Delivery[], announced: Delivery[]): Promise<void> {
    const { deliveryLog, replay } = this.topics
    const now = Date.now()
    await this.#producer.send([
      ...deliveries.map((delivery) => encodeDelivery(replay, delivery)),
      ...announced.map((delivery) => encodeFact(deliveryLog, redeliveryRequested(delivery, now))),
    ])
    this.#sent.inc(deliveries.length)
  }
}

function isOf({ eventId, acceptedAt }: PlannedDelivery, delivery: Delivery | undefined): boolean {
  return eventId === delivery?.eventId && acceptedAt === delivery.acceptedAt
}
