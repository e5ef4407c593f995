import { Fifo, type Held, MemoryBound } from '#domain'
import { type ConsumedRecord, type DecoupledConsumer, type RecordBatch, partitionName } from '#kafka'

/** An event that was read, and the holding that it is to be completed with. */
export interface WaitingEvent {
  record: ConsumedRecord
  batch: RecordBatch
}

/** What the waiting events need of the consumer: to hold partitions back. */
export type Partitions = Pick<DecoupledConsumer, 'pause' | 'resume' | 'pauseAll' | 'resumeAll'>

/** What may wait of one partition, and in the process: beyond it reading stops there, down to half. */
const OF_PARTITION: Held = { records: 5_000, bytes: 8 * 1024 * 1024 }
const OF_PROCESS: Held = { records: 40_000, bytes: 48 * 1024 * 1024 }
const TOO_MANY = 'waiting events'
/** Deliveries that an account's events may lead to before it is the next one's turn. */
const IN_ONE_TURN = 500

/** An account's events in their order. */
interface Line {
  account: string
  events: Fifo<WaitingEvent>
  /** Deliveries that are left of its turn. Below zero after an event that led to more: what follows sits turns out. */
  credit: number
}

/**
 * Events that were read and are not fanned out yet, in a line for each account. The accounts take turns that are
 * measured in deliveries: one that posts thousands of events for a hundred webhooks does not stand before the others'.
 * Its own events stay in their order.
 */
export class WaitingEvents {
  /** Came since the round began: the view of the webhooks may be older than they are. */
  readonly #arrived: WaitingEvent[] = []
  readonly #lines = new Map<string, Line>()
  /** All lines, the one whose turn it is first. */
  readonly #turns = new Fifo<Line>()
  readonly #ofPartition = new Map<string, MemoryBound>()
  readonly #ofProcess = new MemoryBound(OF_PROCESS)
  #partitions: Partitions | undefined

  /** Call once, before any come. */
  attach(partitions: Partitions): void {
    this.#partitions = partitions
    this.#ofProcess.onChange((full) => {
      if (full) partitions.pauseAll(TOO_MANY)
      else partitions.resumeAll(TOO_MANY)
    })
  }

  get isEmpty(): boolean {
    return this.#ofProcess.records === 0
  }

  add(batch: RecordBatch, records: readonly ConsumedRecord[]): void {
    const { topic, partition } = batch
    const bound = this.#boundOf(topic, partition)
    const kept = batch.withoutRecords()
    for (const record of records) {
      this.#arrived.push({ record, batch: kept })
      this.#count(bound, record)
    }
    // Each time: the reason is gone with the holding when the partition was lost meanwhile and came back.
    if (bound.isFull) this.#partitions?.pause(topic, partition, TOO_MANY)
  }

  /** What has arrived may be taken from now on. */
  lineUp(): void {
    for (const waiting of this.#arrived.splice(0)) this.#lineOf(waiting).events.push(waiting)
  }

  /** The next event in turn, unless its partition was lost. Call `spent` before the one after it. */
  take(): WaitingEvent | undefined {
    for (let line = this.#turns.first; line; line = this.#turns.first) {
      if (line.events.length === 0) {
        this.#turns.shift()
        this.#lines.delete(line.account)
      } else if (line.credit <= 0) {
        line.credit += IN_ONE_TURN
        this.#turns.push(this.#turns.shift()!)
      } else {
        const waiting = line.events.shift()!
        this.#uncount(waiting)
        if (waiting.batch.isOwned()) return waiting
      }
    }
    return undefined
  }

  /** How many deliveries the event that was taken last led to. */
  spent(deliveries: number): void {
    // One that leads to nothing takes time as well.
    this.#turns.first!.credit -= Math.max(1, deliveries)
  }

  /** Back to the heads of their lines, in the order in which they were taken. */
  putBack(taken: readonly WaitingEvent[]): void {
    for (const waiting of taken.toReversed()) {
      this.#lineOf(waiting).events.unshift(waiting)
      this.#count(this.#boundOf(waiting.batch.topic, waiting.batch.partition), waiting.record)
    }
  }

  #lineOf({ record }: WaitingEvent): Line {
    const account = record.key ?? ''
    let line = this.#lines.get(account)
    if (!line) {
      line = { account, events: new Fifo(), credit: IN_ONE_TURN }
      this.#lines.set(account, line)
      this.#turns.push(line)
    }
    return line
  }

  #boundOf(topic: string, partition: number): MemoryBound {
    const name = partitionName({ topic, partition })
    let bound = this.#ofPartition.get(name)
    if (!bound) {
      bound = new MemoryBound(OF_PARTITION)
      bound.onChange((full) => {
        if (!full) this.#partitions?.resume(topic, partition, TOO_MANY)
      })
      this.#ofPartition.set(name, bound)
    }
    return bound
  }

  #count(bound: MemoryBound, { value }: ConsumedRecord): void {
    const bytes = value?.length ?? 0
    bound.add(bytes)
    this.#ofProcess.add(bytes)
  }

  #uncount({ record, batch }: WaitingEvent): void {
    const bytes = record.value?.length ?? 0
    this.#boundOf(batch.topic, batch.partition).remove(bytes)
    this.#ofProcess.remove(bytes)
  }
}
