import { setTimeout as sleep } from 'node:timers/promises'
import { DecoupledConsumer, type PartitionBounds, TopicAdmin } from '#kafka'
import { type Database, DatabaseUnavailable, ReadModelRebuild, type Rebuilding } from '#postgres'
import { BatchGatherer } from '../../deliveries/batch-gatherer.js'
import { projectionOf } from '../../deliveries/project-records.js'
import type { KafkaAccess } from '../with-kafka.js'
import { type ReadingProgress, isDone, progressText, readingProgress } from './reading-progress.js'

export interface RebuildOutcome {
  records: number
  seconds: number
  isResumed: boolean
}

/** What a rebuild has to say while it runs. */
export interface RebuildReport {
  /** Renewed often. */
  progress(text: string): void
  /** Rare, and worth keeping. */
  say(text: string): void
}

const LOOK_AGAIN_MS = 200
/** How long the projector waits for the last records to be read, before it is let go on and all is tried again. Ms. */
const LAST_LOOK_MS = 5_000
/** No rest between rounds: nobody waits for single records, and the service's own projector goes on beside this. */
const AT_FULL_SPEED = { gatherMs: 5, roundMs: 0, retryMs: [500, 5_000] as [number, number] }
const FETCH_BYTES = 4 * 1024 * 1024

/**
 * Reads the whole log into new read models and puts them in the place of those in use, which serve until then. May be
 * interrupted at any time and run again: it goes on where it stopped. Notifies nobody and sends nothing.
 *
 * @throws {RebuildRunning} {RebuildOvertaken}, and what Kafka and Postgres say when they stay away
 */
export async function rebuildReadModels(
  database: Database,
  access: KafkaAccess,
  report: RebuildReport,
): Promise<RebuildOutcome> {
  const { eventRetentionMs, deliveryRetentionMs } = access.config.topics
  const rebuild = new ReadModelRebuild(database, { eventsMs: eventRetentionMs, deliveriesMs: deliveryRetentionMs })
  const admin = new TopicAdmin(access.connection)
  try {
    return await rebuild.run(async (rebuilding, isLost) => {
      if (rebuilding.isResumed) report.say(`Going on with the rebuild that began ${rebuilding.begunAt.toISOString()}.`)
      const reading = new LogReading(access, admin, rebuilding, report)
      await reading.start()
      try {
        for (;;) {
          await reading.untilDone()
          if (isLost()) throw new DatabaseUnavailable('the connection to Postgres was lost; run this again to go on')
          const isComplete = () => reading.isDoneWithin(LAST_LOOK_MS)
          if (await rebuild.install(isComplete, () => reading.stop())) return reading.outcome()
        }
      } finally {
        await reading.stop()
      }
    })
  } finally {
    await admin.close()
    await rebuild.close()
  }
}

/** Everything in the log, in a consumer group of this rebuild's own: its offsets say what the new tables hold. */
class LogReading {
  readonly #topics: string[]
  readonly #groupId: string
  readonly #gatherer: BatchGatherer
  readonly #consumer: DecoupledConsumer
  readonly #startedAt = Date.now()
  #doneBefore: number | undefined
  #last: ReadingProgress = { done: 0, total: 0 }
  #failure: unknown
  /** All is in the new tables, which take their place now, if nothing is in the way. */
  #isInstalling = false
  #stopping: Promise<void> | undefined

  constructor(
    { topics, config, connection }: KafkaAccess,
    private readonly admin: TopicAdmin,
    private readonly rebuilding: Rebuilding,
    private readonly report: RebuildReport,
  ) {
    this.#topics = [topics.contextEvents, topics.deliveryLog]
    this.#groupId = `${config.topics.prefix}rebuild-${rebuilding.id}`
    this.#gatherer = new BatchGatherer(
      // What cannot be read is among the dead letters already.
      async (batches) => void (await rebuilding.writer.write(projectionOf(batches, topics).rows)),
      (error) => this.#failed(error),
      AT_FULL_SPEED,
    )
    this.#consumer = new DecoupledConsumer(
      connection,
      {
        groupId: this.#groupId,
        topics: this.#topics,
        assignment: 'spread',
        trackBeyondMark: false,
        settings: { maxBytes: FETCH_BYTES },
      },
      (batch) => this.#gatherer.take(batch),
      { onFatal: (error) => (this.#failure = error) },
    )
  }

  async start(): Promise<void> {
    await this.#consumer.start()
  }

  /** Once; whoever asks again waits for the same. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop()
    return this.#stopping
  }

  /**
   * Until what the log holds has been written, but for what a moment adds: whoever reads a log that grows is always a
   * little behind its end. The rest is read while the projector waits.
   */
  async untilDone(): Promise<void> {
    this.#isInstalling = false
    for (;;) {
      const startedAt = Date.now()
      await this.#untilDone(await this.#bounds())
      if (Date.now() - startedAt < LAST_LOOK_MS / 2) return
    }
  }

  async #untilDone(bounds: PartitionBounds[][]): Promise<void> {
    for (;;) {
      if (this.#failure) throw this.#failure
      const progress = await this.#progress(bounds)
      this.#doneBefore ??= progress.done
      this.report.progress(progressText(progress, this.#doneBefore, Date.now() - this.#startedAt))
      if (isDone(progress)) return
      await sleep(LOOK_AGAIN_MS)
    }
  }

  /** Whether all that is in the log at the call has been written, at the latest after `limitMs`. */
  async isDoneWithin(limitMs: number): Promise<boolean> {
    const deadline = Date.now() + limitMs
    const bounds = await this.#bounds()
    while (Date.now() < deadline) {
      this.#last = await this.#progress(bounds)
      if (isDone(this.#last)) {
        this.#isInstalling = true
        return true
      }
      await sleep(LOOK_AGAIN_MS / 4)
    }
    return false
  }

  outcome(): RebuildOutcome {
    const seconds = (Date.now() - this.#startedAt) / 1_000
    return { records: this.#last.total, seconds, isResumed: this.rebuilding.isResumed }
  }

  async #stop(): Promise<void> {
    this.#consumer.drain()
    await this.#gatherer.close()
    await this.#consumer.close()
  }

  #bounds(): Promise<PartitionBounds[][]> {
    return Promise.all(this.#topics.map((topic) => this.admin.endOffsets(topic)))
  }

  async #progress(bounds: PartitionBounds[][]): Promise<ReadingProgress> {
    // The offsets first: what is asked for later can only be more.
    const committed = await this.admin.committed(this.#groupId, this.#topics)
    const perTopic = bounds.map((ofTopic, i) =>
      readingProgress(
        ofTopic,
        committed.filter(({ topic }) => topic === this.#topics[i]),
      ),
    )
    const sum = (key: keyof ReadingProgress) => perTopic.reduce((all, progress) => all + progress[key], 0)
    return { done: sum('done'), total: sum('total') }
  }

  #failed(error: unknown): void {
    // In use they are written by the projector alone: what came last is refused here, and nobody needs it.
    if (this.#isInstalling) return
    this.report.say(`The new read models cannot be written; trying again. ${String(error)}`)
  }
}
