import { Fifo } from './fifo.js'
import type { MemoryBound } from './memory-bound.js'
import type { Work } from './work.js'

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

/** What was read of one partition and found no room yet. */
interface Line {
  topic: string
  partition: number
  works: Fifo<Work>
  /** With no more than so many left the partition is read on. */
  readOnAt: number
}

const REASON = 'no room'

/**
 * Deliveries of replays whose lane has no room, in the order of their partition. It is paused until half of them are gone,
 * so that less than two fetches are held of each. Given back to the log they would be read and decoded again for
 * every few that find room, and a resumed partition is read only when the fetch under way has ended: on a quiet system
 * twice a second, which held a replay that had fallen behind down to 128 deliveries a second.
 */
export class WaitingReplays {
  readonly #lines = new Map<string, Line>()

  constructor(
    private readonly lanes: ReplayLanes,
    private readonly partitions: PausablePartitions,
    private readonly memory: MemoryBound,
  ) {}

  /** Hands on what there is room for, and keeps the rest. */
  add(topic: string, partition: number, works: readonly Work[]): void {
    const name = nameOf(topic, partition)
    const line = this.#lines.get(name)
    let taken = 0
    while (!line && taken < works.length && this.lanes.offer(works[taken]!)) taken++
    if (taken === works.length) return
    const waiting = line ?? { topic, partition, works: new Fifo<Work>(), readOnAt: 0 }
    for (const work of works.slice(taken)) {
      this.memory.add(work)
      waiting.works.push(work)
    }
    waiting.readOnAt = Math.floor(waiting.works.length / 2)
    this.partitions.pause(topic, partition, REASON)
    if (line) return
    this.#lines.set(name, waiting)
    this.#awaitRoom(waiting)
  }

  /** Forgets what other processes own now. */
  dropLost(): void {
    for (const [name, line] of this.#lines) {
      const lost = line.works.removeWhere(({ batch }) => !batch.isOwned())
      for (const work of lost) this.memory.remove(work)
      if (line.works.length === 0) this.#lines.delete(name)
      else if (lost.length > 0) this.#awaitRoom(line)
    }
  }

  #awaitRoom(line: Line): void {
    // A lane tells of its room while it starts something: what is new to it comes after that.
    this.lanes.whenReplayRoom(line.works.first!, () => queueMicrotask(() => this.#handOn(line)))
  }

  #handOn(line: Line): void {
    const { topic, partition, works, readOnAt } = line
    const name = nameOf(topic, partition)
    if (this.#lines.get(name) !== line) return
    while (works.first && this.lanes.offer(works.first)) this.memory.remove(works.shift()!)
    if (works.length <= readOnAt) this.partitions.resume(topic, partition, REASON)
    if (works.length > 0) this.#awaitRoom(line)
    else this.#lines.delete(name)
  }
}

function nameOf(topic: string, partition: number): string {
  return `${topic}/${partition}`
}
