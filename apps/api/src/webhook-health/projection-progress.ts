import { setTimeout as sleep } from 'node:timers/promises'
import { Injectable, type OnApplicationShutdown } from '@nestjs/common'
import { type CommittedOffset, KafkaConnection, type PartitionBounds, TopicAdmin } from '#kafka'
import { TopicMap } from '#topics'
import { Projector } from '../deliveries/projector.js'

/** The projector commits every quarter of a second. Ms. */
const LOOK_AGAIN_MS = 100

/**
 * How far the read models are. What the projectors of all replicas have committed is in the tables, since they commit
 * after they have written.
 */
@Injectable()
export class ProjectionProgress implements OnApplicationShutdown {
  readonly #admin: TopicAdmin
  readonly #closing = new AbortController()

  constructor(
    connection: KafkaConnection,
    private readonly topics: TopicMap,
    private readonly projector: Projector,
  ) {
    this.#admin = new TopicAdmin(connection)
  }

  /**
   * Waits until every fact that is in the log at the call has become rows, for at most `limitMs`.
   *
   * @returns whether all have
   * @throws when the broker stays away, or the process stops meanwhile
   */
  async caughtUp(limitMs: number): Promise<boolean> {
    return this.cameTo(await this.ends(), limitMs)
  }

  /** Where the log of facts ends now. @throws as `caughtUp` */
  ends(): Promise<PartitionBounds[]> {
    return this.#unlessStopped(this.#admin.endOffsets(this.topics.deliveryLog))
  }

  /** Waits as `caughtUp` does, for what was in the log when these were its ends. */
  async cameTo(ends: readonly PartitionBounds[], limitMs: number): Promise<boolean> {
    const deadline = Date.now() + limitMs
    for (;;) {
      const committed = this.#admin.committed(this.projector.groupId, [this.topics.deliveryLog])
      if (isPast(ends, await this.#unlessStopped(committed))) return true
      if (Date.now() >= deadline) return false
      await sleep(LOOK_AGAIN_MS, undefined, { signal: this.#closing.signal })
    }
  }

  /** Whoever waits is let go, by a rejection. */
  stopWaiting(): void {
    this.#closing.abort()
  }

  /** Then a rejection is no failure: the process stops. */
  get hasStopped(): boolean {
    return this.#closing.signal.aborted
  }

  async onApplicationShutdown(): Promise<void> {
    await this.#admin.close()
  }

  /** A broker that is silent is asked again for a minute, which a stop does not have. */
  async #unlessStopped<T>(answer: Promise<T>): Promise<T> {
    const { signal } = this.#closing
    const waiting = new AbortController()
    try {
      return await new Promise<T>((resolve, reject) => {
        const stop = () => reject(new Error('the process stops'))
        if (signal.aborted) stop()
        signal.addEventListener('abort', stop, { signal: waiting.signal })
        answer.then(resolve, reject)
      })
    } finally {
      waiting.abort()
    }
  }
}

/** Whether everything up to these ends has been committed. Partitions that hold nothing have nothing to commit. */
export function isPast(ends: readonly PartitionBounds[], committed: readonly CommittedOffset[]): boolean {
  const marks = new Map(committed.map(({ partition, offset }) => [partition, offset]))
  return ends.every(({ partition, first, end }) => first === end || (marks.get(partition) ?? -1) >= end)
}
