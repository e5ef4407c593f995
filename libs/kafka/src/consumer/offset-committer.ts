import type { Broker } from '../client/kafkajs.js'
import type { KafkaLog } from '../kafka-settings.js'
import { MOST_RANGES, encodeCompletedBeyond, markPast } from './commit-metadata.js'
import type { GroupCoordinator } from './group-coordinator.js'
import type { HeldPartition, HeldPartitions } from './held-partitions.js'

interface Commit {
  holding: HeldPartition
  version: number
  offset: string
  metadata: string
}

/** From one commit to the next at least, however much is complete. Ms. */
const LEAST_GAP_MS = 50
/** Longer than a rebalance or a broker's restart takes; what a crash would repeat grows all the while. Ms. */
const TOLD_AFTER_MS = 30_000

/**
 * Commits what has changed, of held partitions only, under the generation that held them: a commit that arrives
 * late is refused by the broker and cannot overwrite a new owner's offset. One request at a time.
 */
export class OffsetCommitter {
  private underWay: Promise<boolean> | undefined
  private completed = 0
  private begunAt = -Infinity
  private soon: NodeJS.Timeout | undefined
  private failingSince: number | undefined
  private isTold = false

  constructor(
    private readonly held: HeldPartitions,
    private readonly groupId: string,
    private readonly coordinator: Pick<GroupCoordinator, 'ask'>,
    private readonly withMetadata: boolean,
    private readonly log: KafkaLog,
    private commitAfterRecords = Infinity,
  ) {}

  /** A record is complete: once there are enough, they are committed without waiting for the timer. */
  noteCompleted(): void {
    if (++this.completed < this.commitAfterRecords || this.soon) return
    const waitMs = Math.max(0, this.begunAt + LEAST_GAP_MS - performance.now())
    this.soon = setTimeout(() => {
      this.soon = undefined
      this.commitIfIdle()
    }, waitMs)
  }

  /** No commit begins by itself any more. */
  stop(): void {
    clearTimeout(this.soon)
    this.commitAfterRecords = Infinity
  }

  /** Commits now what is to be committed. Never rejects: what failed stays to be committed. False when it failed. */
  async commit(): Promise<boolean> {
    while (this.underWay) await this.underWay
    this.underWay = this.commitOnce()
    try {
      return await this.underWay
    } finally {
      this.underWay = undefined
    }
  }

  /** The same, but for the timer: does nothing when a commit is under way. */
  commitIfIdle(): void {
    if (!this.underWay) void this.commit()
  }

  private async commitOnce(): Promise<boolean> {
    const { membership } = this.held
    this.completed = 0
    this.begunAt = performance.now()
    const commits = this.changes()
    if (!membership || commits.length === 0) return true
    try {
      const request = {
        groupId: this.groupId,
        memberId: membership.memberId,
        groupGenerationId: membership.generationId,
        topics: byTopic(commits),
      }
      await this.coordinator.ask((broker) => broker.offsetCommit(request))
    } catch (error) {
      this.failed(error)
      return false
    }
    this.succeeded()
    for (const { holding, version } of commits) holding.committedVersion = version
    return true
  }

  private failed(error: unknown): void {
    const fields = { error: String(error), groupId: this.groupId }
    this.log.debug(fields, 'offsets were not committed; again later')
    this.failingSince ??= performance.now()
    const ms = Math.round(performance.now() - this.failingSince)
    if (ms < TOLD_AFTER_MS || this.isTold) return
    this.isTold = true
    this.log.warn(
      { ...fields, ms },
      'offsets cannot be committed; what is complete since would be done again after a crash',
    )
  }

  private succeeded(): void {
    if (this.isTold) this.log.info({ groupId: this.groupId }, 'offsets are committed again')
    this.failingSince = undefined
    this.isTold = false
  }

  private changes(): Commit[] {
    const commits: Commit[] = []
    for (const holding of this.held.all) {
      const { tracker } = holding
      if (!tracker || tracker.version === holding.committedVersion) continue
      const ranges = this.withMetadata ? tracker.completedBeyond(MOST_RANGES) : []
      const { text, isWhole } = encodeCompletedBeyond(tracker.mark, ranges)
      holding.isNamed = isWhole
      const metadata = tracker.mark < holding.pastEnd ? markPast(holding.pastEnd, text) : text
      commits.push({ holding, version: tracker.version, offset: String(tracker.mark), metadata })
    }
    return commits
  }
}

/** One entry per topic: not every broker takes a topic twice in a request. */
function byTopic(commits: Commit[]): Parameters<Broker['offsetCommit']>[0]['topics'] {
  const topics = new Map<string, { partition: number; offset: string; metadata: string }[]>()
  for (const { holding, offset, metadata } of commits) {
    const entry = { partition: holding.partition, offset, metadata }
    const partitions = topics.get(holding.topic)
    if (partitions) partitions.push(entry)
    else topics.set(holding.topic, [entry])
  }
  return [...topics].map(([topic, partitions]) => ({ topic, partitions }))
}
