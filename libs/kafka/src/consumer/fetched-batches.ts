import type { Batch, EachBatchPayload } from 'kafkajs'
import type { KafkaLog } from '../kafka-settings.js'
import type { ConsumedRecord } from './consumed-record.js'
import type { ConsumerSettings } from './consumer-settings.js'
import type { HeldPartition, HeldPartitions } from './held-partitions.js'
import type { MembershipClock } from './membership-clock.js'
import type { PatientHandler } from './patient-handler.js'
import { PartitionMadeAnew, readBatch } from './read-batch.js'
import { RecordBatch } from './record-batch.js'
import { whileBeating } from './while-beating.js'

/** From kafkajs' fetch loop to the handler, one batch at a time. */
export class FetchedBatches {
  /** Settled when the offsets of the newest assignment were read. */
  private prepared: Promise<void> = Promise.resolve()
  /** What the handler is busy with; also after kafkajs was let go for a rebalance. */
  private handling: Promise<void> | undefined
  /** A rebalance was noticed while a handler was awaited, and the join is still to come. */
  private mustJoin = false
  private turnedAt = Date.now()

  constructor(
    private readonly held: HeldPartitions,
    private readonly clock: MembershipClock,
    private readonly handler: PatientHandler,
    private readonly seekToNext: (holding: HeldPartition) => void,
    private readonly onCompleted: () => void,
    private readonly onDead: (error: Error) => void,
    private readonly settings: ConsumerSettings,
    private readonly log: KafkaLog,
    private readonly closing: AbortSignal,
  ) {}

  /** The group was joined; no record of a new partition is handed out before `prepared`, which must not reject. */
  joined(prepared: Promise<void>): void {
    this.prepared = prepared
    this.mustJoin = false
    this.turned()
  }

  /** The fetch loop went round. */
  turned(): void {
    this.turnedAt = Date.now()
  }

  /** Since when the fetch loop stands still. */
  stillMs(): number {
    return Date.now() - this.turnedAt
  }

  /**
   * kafkajs' handler. Only a rebalance makes it reject: kafkajs must go and join then. What is passed over is not resolved,
   * so that kafkajs fetches it again.
   */
  async handOut({ batch, heartbeat, resolveOffset }: EachBatchPayload): Promise<void> {
    const holding = this.held.get(batch.topic, batch.partition)
    // kafkajs goes through all it has fetched before it joins.
    if (!holding || this.mustJoin) return
    if (!holding.tracker) await this.whileMember(this.prepared, heartbeat)
    if (this.handling) await this.whileMember(this.handling, heartbeat)
    if (!this.held.isCurrent(holding) || this.closing.aborted) return
    resolveOffset(batch.lastOffset())
    const records = this.recordsIn(batch, holding)
    if (records.length === 0) return
    const handled = this.handler.hand(this.recordBatch(holding, records))
    if (!handled) return
    this.handling = handled.finally(() => (this.handling = undefined))
    await this.whileMember(this.handling, heartbeat)
  }

  private recordsIn(batch: Batch, holding: HeldPartition): ConsumedRecord[] {
    try {
      return readBatch(holding, batch, () => this.seekToNext(holding), this.log)
    } catch (error) {
      if (!(error instanceof PartitionMadeAnew)) throw error
      this.onDead(error)
      return []
    }
  }

  /** Waits in kafkajs' stead; at closing it lets go at once, since kafkajs leaves the group only after its handler. */
  private async whileMember(work: Promise<void>, heartbeat: () => Promise<void>): Promise<void> {
    const beat = () => {
      this.turned()
      return heartbeat()
    }
    try {
      await whileBeating(work, beat, this.settings.heartbeatIntervalMs, this.closing)
    } catch (error) {
      this.mustJoin = true
      throw error
    }
  }

  private recordBatch(holding: HeldPartition, records: ConsumedRecord[]): RecordBatch {
    const { held, clock, settings } = this
    return new RecordBatch(holding.topic, holding.partition, holding.epoch, records, holding.end, {
      complete: (offset) => {
        if (!held.isCurrent(holding)) return
        holding.tracker?.complete(offset)
        this.onCompleted()
      },
      isOwned: () => held.isCurrent(holding),
      isHeld: () => held.isCurrent(holding) && clock.ageMs() < settings.sessionTimeoutMs,
      isNamed: () => holding.isNamed,
    })
  }
}
