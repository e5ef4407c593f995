import { Inject, Injectable } from '@nestjs/common'
import { type Delivery, RetrySchedule } from '#domain'
import { type ConsumedRecord, type DecoupledConsumer, type RecordBatch, partitionName } from '#kafka'
import { LOGGER, type Logger } from '#telemetry'
import { TopicMap, UndecodableRecord, decodeDelivery } from '#topics'
import { Consequences } from '../settlement/consequences.js'
import { Dispatch } from '../lanes/dispatch.js'
import { Lanes } from '../lanes/lanes.js'
import { DispatchMetrics } from '../dispatch-metrics.js'
import { LONGEST_TIMER_MS } from './due-timer.js'
import { LeftInLog } from './left-in-log.js'
import { MemoryBounds } from '../memory-bounds.js'
import { NewestChains } from '../past/newest-chains.js'
import { UncommittedPast } from '../past/uncommitted-past.js'
import { UnknownPast } from '../past/unknown-past.js'
import { WaitingRoom } from './waiting-room.js'
import { WaitingReplays } from './waiting-replays.js'
import type { Work } from '../work.js'

/** What the intake needs of the consumer: to hold partitions back, and to give records back that it read too early. */
export type Partitions = Pick<DecoupledConsumer, 'pause' | 'resume' | 'rewind' | 'pauseAll' | 'resumeAll'>

/** A record that is no delivery, and why. */
interface Unreadable {
  record: ConsumedRecord
  batch: RecordBatch
  problem: string
}

/** With the process still too full after this, for what came meanwhile. Ms. */
const RELIEVE_AGAIN_MS = 500

/**
 * From the log into lanes and waiting room. Handlers only enqueue: nothing here waits for anybody but, after a takeover
 * here or in fan-out, for the read models.
 */
@Injectable()
export class Intake {
  #partitions: Partitions | undefined
  #waitingReplays: WaitingReplays | undefined
  readonly #full = new Map<string, { topic: string; partition: number }>()
  readonly #timers = new Set<NodeJS.Timeout>()
  #relieving: NodeJS.Timeout | undefined

  constructor(
    private readonly dispatch: Dispatch,
    private readonly lanes: Lanes,
    private readonly waitingRoom: WaitingRoom,
    private readonly consequences: Consequences,
    private readonly memory: MemoryBounds,
    private readonly leftInLog: LeftInLog,
    private readonly past: UnknownPast,
    private readonly uncommitted: UncommittedPast,
    private readonly chains: NewestChains,
    private readonly topics: TopicMap,
    private readonly schedule: RetrySchedule,
    private readonly metrics: DispatchMetrics,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /** Call once, before the consumer starts. */
  attach(partitions: Partitions): void {
    this.#partitions = partitions
    this.#waitingReplays = new WaitingReplays(this.dispatch, partitions, this.memory.replays)
    this.waitingRoom.listen(
      (work) => this.dispatch.offer(work),
      (topic, partition) => this.#hasRoom(topic, partition),
    )
    this.leftInLog.listen((record, batch) => {
      const read = this.#read(record, batch)
      if ('problem' in read) this.#toDeadLetters(read)
      else this.dispatch.offer(read)
    })
    this.memory.live.onChange((full) => {
      if (full) this.#stopReading(partitions)
      else this.#readOn(partitions)
    })
    this.memory.tiers.onChange((full) => {
      if (!full) for (const { topic, partition } of [...this.#full.values()]) this.#hasRoom(topic, partition)
    })
  }

  /** Deliveries that may be attempted at once. */
  now(batch: RecordBatch): void | Promise<void> {
    if (this.past.concerns(batch.records)) {
      return this.#knowingThePast(batch, (works) => {
        for (const work of works) this.dispatch.offer(work)
      })
    }
    if (!this.uncommitted.concerns(batch)) return this.leftInLog.sift(batch)
    return this.uncommitted.withoutDelivered(batch).then((records) => {
      // Lost while the read models answered: its new owner reads the same records.
      if (batch.isOwned()) this.leftInLog.sift(batch, records)
    })
  }

  /** Deliveries of a tier, each with a time before which it must not be attempted. */
  later(batch: RecordBatch): void | Promise<void> {
    return this.#knowingThePast(batch, (works) => this.#admit(batch, works))
  }

  /** A replay's deliveries: never put off. Those that find no room wait in front of their lane. */
  replays(batch: RecordBatch): void | Promise<void> {
    return this.#knowingThePast(batch, (works) => {
      this.#waitingReplays?.add(batch.topic, batch.partition, works)
    })
  }

  /** @returns the offset from which on all went back to the log, if any did */
  #admit({ topic, partition }: RecordBatch, works: Work[]): number | undefined {
    const now = Date.now()
    const delayMs = this.schedule.tiers.find((tier) => this.topics.tier(tier) === topic)?.delayMs ?? 0
    for (const work of works) {
      const admission = this.waitingRoom.admit(work, delayMs, now)
      if (admission.kind === 'taken') continue
      // This record and all behind it go back to the log; they are read again when it is time.
      if (admission.kind === 'full') {
        this.#full.set(partitionName({ topic, partition }), { topic, partition })
        this.#giveBack(work.record, 'full')
      } else {
        this.#giveBack(work.record, 'not due')
        this.#at(admission.readAgainAt, () => this.#partitions?.resume(topic, partition, 'not due'))
      }
      return work.record.offset
    }
    return undefined
  }

  /** @param go answers the offset from which on it gave the records back, if it gave some: they come again */
  #knowingThePast(batch: RecordBatch, go: (works: Work[]) => number | void): void | Promise<void> {
    const { works, unreadable } = this.#readAll(batch)
    const goOn = (left: Work[]) => {
      const keptBefore = go(left) ?? Infinity
      // Not before: what is read again and again while others wait would be as many dead letters.
      for (const one of unreadable) if (one.record.offset < keptBefore) this.#toDeadLetters(one)
    }
    if (!this.past.concerns(batch.records)) return goOn(works)
    return this.past.withoutEnded(works, Date.now()).then((left) => {
      if (batch.isOwned()) goOn(left)
    })
  }

  /** Forgets what other processes own now. */
  dropLost(): void {
    this.waitingRoom.dropLost()
    this.#waitingReplays?.dropLost()
    this.leftInLog.dropLost()
    this.lanes.dropLost()
  }

  stop(): void {
    clearInterval(this.#relieving)
    this.leftInLog.stop()
    for (const timer of this.#timers) clearTimeout(timer)
    this.waitingRoom.stop()
  }

  /** Everybody waits now: not for as long as slow receivers need to work off what they have. */
  #stopReading(partitions: Partitions): void {
    partitions.pauseAll('memory')
    this.dispatch.relieve()
    this.#relieving = setInterval(() => this.dispatch.relieve(), RELIEVE_AGAIN_MS)
  }

  #readOn(partitions: Partitions): void {
    clearInterval(this.#relieving)
    partitions.resumeAll('memory')
  }

  #giveBack({ topic, partition, offset }: ConsumedRecord, reason: string): void {
    this.#partitions?.pause(topic, partition, reason)
    this.#partitions?.rewind(topic, partition, offset)
  }

  #hasRoom(topic: string, partition: number): void {
    if (this.#full.delete(partitionName({ topic, partition }))) this.#partitions?.resume(topic, partition, 'full')
  }

  #at(time: number, action: () => void): void {
    const timer = setTimeout(
      () => {
        this.#timers.delete(timer)
        action()
      },
      Math.min(Math.max(0, time - Date.now()), LONGEST_TIMER_MS),
    )
    this.#timers.add(timer)
  }

  /**
   * A delivery may be held for long, and a record's bytes are a part of the answer to a fetch: what is kept is its own,
   * or one that waits would keep some hundred others in memory.
   */
  #readAll(batch: RecordBatch): { works: Work[]; unreadable: Unreadable[] } {
    const kept = batch.withoutRecords()
    const works: Work[] = []
    const unreadable: Unreadable[] = []
    for (const record of batch.records) {
      const read = this.#read(record, kept)
      if ('problem' in read) unreadable.push(read)
      else works.push(read)
    }
    return { works, unreadable }
  }

  #read(record: ConsumedRecord, batch: RecordBatch): Work | Unreadable {
    const delivery = decoded(record)
    if (delivery instanceof UndecodableRecord) return { record, batch, problem: delivery.message }
    this.chains.saw(delivery)
    delivery.body = Buffer.from(delivery.body)
    return { delivery, record: { ...record, value: null }, batch }
  }

  #toDeadLetters({ record, batch, problem }: Unreadable): void {
    const { topic, partition, offset } = record
    this.metrics.undecodable.inc()
    this.logger.error({ topic, partition, offset, problem }, 'undecodable record: to the dead letters')
    this.consequences.undecodable(record, batch, problem)
  }
}

function decoded(record: ConsumedRecord): Delivery | UndecodableRecord {
  try {
    return decodeDelivery(record)
  } catch (error) {
    if (error instanceof UndecodableRecord) return error
    throw error
  }
}
