import { setTimeout as sleep } from 'node:timers/promises'
import { Injectable, type OnApplicationShutdown } from '@nestjs/common'
import { KafkaConnection, TopicAdmin, partitionName } from '#kafka'
import type { LogEnds } from '#postgres'
import { TopicMap } from '#topics'
import { Projector } from './projector.js'

/** The projector commits every quarter of a second. Ms. */
const LOOK_AGAIN_MS = 100
/** How old an answer about the projectors' offsets may be: many may wait at once, and share it. Ms. */
const FRESH_FOR_MS = 100

/**
 * How far the read models are. What the projectors of all replicas have committed is in the tables, since they commit
 * after they have written.
 */
@Injectable()
export class ReadModelProgress implements OnApplicationShutdown {
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

  /**
   * Where both topics that the read models are made of end now.
   *
   * @param stopping aborted when the process stops: a silent broker is asked again for a minute, which a stop does not have
   * @throws when the broker stays away for some seconds; the signal's reason
   */
  async ends(stopping?: AbortSignal): Promise<LogEnds> {
    const ends: LogEnds = {}
    for (const topic of this.#read) {
      const bounds = await unlessAborted(this.#admin.endOffsets(topic), stopping)
      // Partitions that hold nothing have nothing to commit.
      ends[topic] = bounds.filter(({ first, end }) => end > first).map(({ partition, end }) => ({ partition, end }))
    }
    return ends
  }

  /** Whether all up to these ends has become rows. @throws as `ends` */
  async isPast(ends: LogEnds, stopping?: AbortSignal): Promise<boolean> {
    const committed = await unlessAborted(this.#offsets(), stopping)
    return Object.entries(ends).every(([topic, partitions]) =>
      partitions.every(({ partition, end }) => (committed.get(partitionName({ topic, partition })) ?? -1) >= end),
    )
  }

  /** Waits until all up to these ends has become rows, `limitMs` at most. @returns whether it has @throws as `ends` */
  async cameTo(ends: LogEnds, limitMs: number, stopping?: AbortSignal): Promise<boolean> {
    const deadline = Date.now() + limitMs
    while (!(await this.isPast(ends, stopping))) {
      if (Date.now() >= deadline) return false
      await sleep(LOOK_AGAIN_MS, undefined, { signal: stopping })
    }
    return true
  }

  /** Waits as `cameTo` does, for what is in the log at the call. */
  async caughtUp(limitMs: number, stopping?: AbortSignal): Promise<boolean> {
    return this.cameTo(await this.ends(stopping), limitMs, stopping)
  }

  async onApplicationShutdown(): Promise<void> {
    await this.#admin.close()
  }

  get #read(): string[] {
    return [this.topics.contextEvents, this.topics.deliveryLog]
  }

  #offsets(): Promise<Map<string, number>> {
    const now = performance.now()
    if (this.#committed && now - this.#askedAt < FRESH_FOR_MS) return this.#committed
    this.#askedAt = now
    const asked = this.#readOffsets()
    this.#committed = asked
    // Only an answer is worth keeping.
    asked.catch(() => {
      if (this.#committed === asked) this.#committed = undefined
    })
    return asked
  }

  async #readOffsets(): Promise<Map<string, number>> {
    const committed = await this.#admin.committed(this.projector.groupId, this.#read)
    return new Map(committed.map((at) => [partitionName(at), at.offset ?? -1] satisfies [string, number]))
  }
}

async function unlessAborted<T>(answer: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return answer
  const answered = new AbortController()
  try {
    return await new Promise<T>((resolve, reject) => {
      const stop = () => reject(signal.reason as Error)
      if (signal.aborted) stop()
      signal.addEventListener('abort', stop, { signal: answered.signal })
      answer.then(resolve, reject)
    })
  } finally {
    answered.abort()
  }
}
