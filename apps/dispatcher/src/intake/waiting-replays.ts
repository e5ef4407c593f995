import { Fifo, type Held as Amount, MemoryBound } from '#domain'
import { type DecoupledConsumer, partitionName } from '#kafka'
import { type Work, heldBytes } from '../work.js'

/** Where a replay's deliveries go. */
export interface ReplayLanes {
  /** @returns false where the delivery's lane has no room: it was not taken */
  offer(work: Work): boolean
  /** Tells once when the lane of a delivery that was not taken has room again. */
  whenReplayRoom(work: Work, tell: () => void): void
}

/** What these need of the consumer: to hold partitions back. */
export type PausablePartitions = Pick<DecoupledConsumer, 'pause' | 'resume'>

/** What one partition may have waiting: beyond it it is paused, down to half. The process has its own bound. */
const OF_PARTITION: Amount = { records: 4_000, bytes: 8 * 1024 * 1024 }
/** From the oldest that waits to the newest read: what passed by is complete, and of it a commit names 24,000 at least. */
const MOST_PASSED_BY = 100_000
const NO_ROOM = 'no room'
const TOO_MANY = 'replays'

/** What was read of one partition and found no room yet: a line per webhook, none of them empty. */
interface Held {
  topic: string
  partition: number
  lines: Map<string, Fifo<Work>>
  amount: MemoryBound
  /** The newest offset that was read. */
  readTo: number
}

/**
 * Deliveries of replays whose lane has no room, each webhook's in their order: another webhook's pass them by, so that
 * a receiver that hangs delays nobody else's replay. Given back to the log instead, records would be read and decoded
 * again for every few that find room, and a resumed partition is read only when the fetch under way has ended, on a quiet
 * system twice a second.
 *
 * They have bounds of their own. In those of the process they would be in the way of live traffic: what waits for a
 * receiver that hangs may wait for hours, and a full process reads nothing.
 */
export class WaitingReplays {
  readonly #held = new Map<string, Held>()

  constructor(
    private readonly lanes: ReplayLanes,
    private readonly partitions: PausablePartitions,
    private readonly memory: MemoryBound,
  ) {
    memory.onChange(() => this.#pauseOrResume())
  }

  /** Hands on what there is room for, and keeps the rest. */
  add(topic: string, partition: number, works: readonly Work[]): void {
    const held = this.#heldOf(topic, partition)
    for (const work of works) {
      // The read model was asked about them first, and the partition was lost meanwhile.
      if (!work.batch.isOwned()) continue
      const { webhookId } = work.delivery
      held.readTo = work.record.offset
      const line = held.lines.get(webhookId)
      if (!line && this.lanes.offer(work)) continue
      this.#keep(held, work)
      if (!line) this.#awaitRoom(held, webhookId)
    }
    this.#pauseOrResume()
  }

  /** Forgets what other processes own now. */
  dropLost(): void {
    for (const held of this.#held.values()) {
      for (const [webhookId, line] of held.lines) {
        const lost = line.removeWhere(({ batch }) => !batch.isOwned())
        for (const work of lost) this.#gone(held, work)
        if (line.length === 0) held.lines.delete(webhookId)
        else if (lost.length > 0) this.#awaitRoom(held, webhookId)
      }
    }
    this.#pauseOrResume()
  }

  #heldOf(topic: string, partition: number): Held {
    const name = partitionName({ topic, partition })
    let held = this.#held.get(name)
    if (!held) {
      held = { topic, partition, lines: new Map(), amount: new MemoryBound(OF_PARTITION), readTo: 0 }
      this.#held.set(name, held)
    }
    return held
  }

  #keep(held: Held, work: Work): void {
    const { webhookId } = work.delivery
    let line = held.lines.get(webhookId)
    if (!line) held.lines.set(webhookId, (line = new Fifo()))
    line.push(work)
    held.amount.add(heldBytes(work))
    this.memory.add(heldBytes(work))
  }

  #gone(held: Held, work: Work): void {
    held.amount.remove(heldBytes(work))
    this.memory.remove(heldBytes(work))
  }

  #awaitRoom(held: Held, webhookId: string): void {
    const line = held.lines.get(webhookId)!
    // A lane tells of its room while it starts something: what is new to it comes after that.
    this.lanes.whenReplayRoom(line.first!, () => queueMicrotask(() => this.#handOn(held, webhookId, line)))
  }

  #handOn(held: Held, webhookId: string, line: Fifo<Work>): void {
    // Told to a line of before: its partition was lost meanwhile.
    if (held.lines.get(webhookId) !== line) return
    while (line.first && this.lanes.offer(line.first)) this.#gone(held, line.shift()!)
    if (line.length > 0) this.#awaitRoom(held, webhookId)
    else held.lines.delete(webhookId)
    this.#pauseOrResume()
  }

  #pauseOrResume(): void {
    for (const held of this.#held.values()) {
      const { topic, partition } = held
      const share = Math.max(held.amount.share, passedBy(held) / MOST_PASSED_BY)
      if (share >= 1) this.partitions.pause(topic, partition, NO_ROOM)
      else if (share <= 1 / 2) this.partitions.resume(topic, partition, NO_ROOM)
      if (this.memory.isFull) this.partitions.pause(topic, partition, TOO_MANY)
      else this.partitions.resume(topic, partition, TOO_MANY)
    }
  }
}

function passedBy({ lines, readTo }: Held): number {
  let oldest = readTo
  // A line that is being emptied is asked for, too: what it gives up may be what the process had too much of.
  for (const { first } of lines.values()) oldest = Math.min(oldest, first?.record.offset ?? readTo)
  return readTo - oldest
}
