import { setTimeout as sleep } from 'node:timers/promises'
import { Injectable, type OnApplicationShutdown } from '@nestjs/common'
import { KafkaConnection, TopicAdmin, partitionName } from '#kafka'
import type { LogEnds } from '#postgres'
import { TopicMap } from '#topics'
import { Projector } from '../deliveries/projector.js'

/** How old an answer about the projectors' offsets may be; many replays may wait at once. Ms. */
const FRESH_FOR_MS = 500
const LOOK_AGAIN_MS = 250

/** Where the log ends, and whether the read models have come that far since. */
@Injectable()
export class ReadModelMark implements OnApplicationShutdown {
  readonly #admin: TopicAdmin
  #committed: Promise<Map<string, number>> | undefined
  #askedAt = -Infinity

  constructor(
    connection: KafkaConnection,
    private readonly topics: TopicMap,
    private readonly projector: Projector,
  ) {
    this.#admin = new TopicAdmin(connection)
  }

  /** As of now, of both topics that the read models are made of. @throws when the broker stays away for some seconds */
  async ends(): Promise<LogEnds> {
    const ends: LogEnds = {}
    for (const topic of this.#read) {
      const bounds = await this.#admin.endOffsets(topic)
      // Partitions that hold nothing have nothing to commit.
      ends[topic] = bounds.filter(({ first, end }) => end > first).map(({ partition, end }) => ({ partition, end }))
    }
    return ends
  }

  /** Whether all up to these ends has become rows: projectors commit what they have written. */
  async isPast(ends: LogEnds): Promise<boolean> {
    const committed = await this.#offsets()
    return Object.entries(ends).every(([topic, partitions]) =>
      partitions.every(({ partition, end }) => (committed.get(partitionName({ topic, partition })) ?? -1) >= end),
    )
  }

  /**
   * Waits until the read models have come as far as the log is now, `withinMs` at most.
   * @returns whether they have
   * @throws when the broker stays away for some seconds
   */
  async comesUpToNow(withinMs: number, closing?: AbortSignal): Promise<boolean> {
    const deadline = Date.now() + withinMs
    const ends = await this.ends()
    while (!(await this.isPast(ends))) {
      if (Date.now() >= deadline || closing?.aborted) return false
      await sleep(LOOK_AGAIN_MS, undefined, { signal: closing }).catch(() => undefined)
    }
    return true
  }

  async onApplicationShutdown(): Promise<void> {
    await this.#admin.close()
  }

  get #read(): string[] {
    return [this.topics.contextEvents, this.topics.deliveryLog]
  }

  #offsets(): Promise<Map<string, number>> {
    const now = Date.now()
    if (this.#committed && now - this.#askedAt < FRESH_FOR_MS) return this.#committed
    this.#askedAt = now
    this.#committed = this.#readOffsets()
    // Only an answer is worth keeping.
    this.#committed.catch(() => (this.#committed = undefined))
    return this.#committed
  }

  async #readOffsets(): Promise<Map<string, number>> {
    const committed = await this.#admin.committed(this.projector.groupId, this.#read)
    return new Map(committed.map((at) => [partitionName(at), at.offset ?? -1] satisfies [string, number]))
  }
}
