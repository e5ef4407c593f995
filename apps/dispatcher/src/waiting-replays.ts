import { Fifo } from './fifo.js'
import type { MemoryBound } from './memory-bound.js'
import { type Work, heldBytes } from './work.js'

/** Where a replay's deliveries go. */
export interface ReplayLanes {
  /** @returns false where the delivery's lane has no room: it was not taken */
  offer(work: Work): boolean
  /** Tells once when the lane of a delivery that was not taken has room again. */
  whenReplayRoom(work: Work, tell: () => void): void
}

export interface PausablePartitions {
  pause(topic: string, partition: number, reason: string): void
  resume(topic: string, partition: number, reason: string): void
}

/** Of one partition, whatever has no room: beyond either it is paused, down to half of both. */
const MOST_RECORDS = 2_000
const MOST_BYTES = 4 * 1024 * 1024
const REASON = 'no room'

/** What was read of one partition and found no room yet: a line per webhook, none of them empty. */
interface Held {
  topic: string
  partition: number
  lines: Map<string, Fifo<Work>>
  records: number
  bytes: number
}

/**
 * Deliveries of replays whose lane has no room, each webhook's in their order: another webhook's pass them by, so that
 * a receiver that hangs delays nobody else's replay. A replay is sent about two seconds ahead and not more, which is what
 * the bounds are for. Given back to the log instead, records would be read and decoded again for every few that find
 * room, and a resumed partition is read only when the fetch under way has ended, on a quiet system twice a second.
 */
export class WaitingReplays {
  readonly #held = new Map<string, Held>()

  constructor(
    private readonly lanes: ReplayLanes,
    private readonly partitions: PausablePartitions,
    private readonly memory: MemoryBound,
  ) {}

  /** Hands on what there is room for, and keeps the rest. */
  add(topic: string, partition: number, works: readonly Work[]): void {
    const held = this.#heldOf(topic, partition)
    for (const work of works) {
      const { webhookId } = work.delivery
      const line = held.lines.get(webhookId)
      if (!line && this.lanes.offer(work)) continue
      this.#keep(held, work)
      if (!line) this.#awaitRoom(held, webhookId)
    }
    this.#pauseOrResume(held)
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
      this.#pauseOrResume(held)
    }
  }

  #heldOf(topic: string, partition: number): Held {
    const name = `${topic}/${partition}`
    let held = this.#held.get(name)
    if (!held) this.#held.set(name, (held = { topic, partition, lines: new Map(), records: 0, bytes: 0 }))
    return held
  }

  #keep(held: Held, work: Work): void {
    const { webhookId } = work.delivery
    let line = held.lines.get(webhookId)
    if (!line) held.lines.set(webhookId, (line = new Fifo()))
    line.push(work)
    this.memory.add(work)
    held.records++
    held.bytes += heldBytes(work)
  }

  #gone(held: Held, work: Work): void {
    this.memory.remove(work)
    held.records--
    held.bytes -= heldBytes(work)
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
    this.#pauseOrResume(held)
  }

  #pauseOrResume({ topic, partition, records, bytes }: Held): void {
    const share = Math.max(records / MOST_RECORDS, bytes / MOST_BYTES)
    if (share >= 1) this.partitions.pause(topic, partition, REASON)
    else if (share <= 1 / 2) this.partitions.resume(topic, partition, REASON)
  }
}
