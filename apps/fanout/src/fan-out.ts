import { Inject, Injectable } from '@nestjs/common'
import type { AcceptedEvent } from '#domain'
import { BatchingProducer, type ConsumedRecord, type RecordBatch } from '#kafka'
import { LOGGER, type Logger } from '#telemetry'
import {
  type Message,
  TopicMap,
  UndecodableRecord,
  decodeContextEvent,
  encodeDelivery,
  encodeFact,
  encodeUndecodable,
} from '#topics'
import { FanOutMetrics } from './fan-out-metrics.js'
import { planFanOut } from './plan-fan-out.js'
import { Repeats } from './repeats.js'
import { Subscriptions } from './subscriptions.js'

/** Ten thousand deliveries of one batch of events must not lie in memory at once. Bytes of bodies. */
const SLICE_BYTES = 4 * 1024 * 1024

/** One batch of events at a time: match, write the deliveries and the facts, then call the batch done. */
@Injectable()
export class FanOut {
  readonly #repeats = new Repeats()

  constructor(
    private readonly subscriptions: Subscriptions,
    private readonly producer: BatchingProducer,
    private readonly topics: TopicMap,
    private readonly metrics: FanOutMetrics,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  async run(batch: RecordBatch): Promise<void> {
    const startedAt = Date.now()
    await this.subscriptions.caughtUp()
    const repeats = this.#repeats.newBatch(batch.partition)
    const counts = { events: 0, deliveries: 0, repeats: 0, undecodable: 0 }
    const acceptedAt: number[] = []
    let slice: Message[] = []
    let sliceBytes = 0
    for (const record of batch.records) {
      const event = this.#decode(record, slice, counts)
      if (!event) continue
      if (repeats.isRepeat(event, record.offset, startedAt)) {
        counts.repeats++
        continue
      }
      const plan = planFanOut(event, this.subscriptions.ofAccount(event.accountId), startedAt)
      for (const delivery of plan.deliveries) slice.push(encodeDelivery(this.topics.deliveries, delivery))
      slice.push(encodeFact(this.topics.deliveryLog, plan.fact))
      counts.events++
      counts.deliveries += plan.deliveries.length
      acceptedAt.push(event.acceptedAt)
      sliceBytes += (plan.deliveries.length + 1) * event.body.length
      if (sliceBytes > SLICE_BYTES) {
        await this.producer.send(slice)
        slice = []
        sliceBytes = 0
      }
    }
    if (slice.length > 0) await this.producer.send(slice)
    const now = Date.now()
    repeats.remember(now)
    batch.completeAll()
    this.metrics.fannedOut(counts, acceptedAt, now)
    this.logger.info(
      { stage: 'event.fan_out', partition: batch.partition, ...counts, ms: now - startedAt },
      'fanned out',
    )
  }

  /** What cannot be read goes to the dead letters with its reason; the partition moves on. */
  #decode(record: ConsumedRecord, slice: Message[], counts: { undecodable: number }): AcceptedEvent | undefined {
    try {
      return decodeContextEvent(record)
    } catch (error) {
      if (!(error instanceof UndecodableRecord)) throw error
      counts.undecodable++
      slice.push(encodeUndecodable(this.topics.deadLetter, record, record, error.message))
      const { topic, partition, offset } = record
      this.logger.error({ topic, partition, offset, problem: error.message }, 'undecodable record: to the dead letters')
      return undefined
    }
  }
}
