import { Injectable } from '@nestjs/common'
import { BatchingProducer } from '#kafka'
import type { RequestedChain } from '#postgres'
import { TopicMap, encodeDelivery, encodeFact } from '#topics'
import { redeliveryFrom } from './requested-redelivery.js'

/** The way of a redelivery into the log. */
@Injectable()
export class RedeliveryLog {
  constructor(
    private readonly producer: BatchingProducer,
    private readonly topics: TopicMap,
  ) {}

  /**
   * The facts first: whoever owns the delivery may learn of the new chain by either, and must not find the record's
   * outcome in a log that knows nothing of its beginning. A repeat under the same numbers is dropped behind.
   * @throws {ProduceFailed} either may be in the log then
   */
  async write(chains: RequestedChain[]): Promise<void> {
    const redeliveries = chains.map(redeliveryFrom)
    await this.producer.send(redeliveries.map(({ fact }) => encodeFact(this.topics.deliveryLog, fact)))
    await this.producer.send(redeliveries.map(({ delivery }) => encodeDelivery(this.topics.deliveries, delivery)))
  }
}
