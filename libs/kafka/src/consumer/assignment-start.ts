import { backoffMs } from '../client/backoff.js'
import { errorText } from '../client/error-text.js'
import { pauseFor } from '../client/pause-for.js'
import type { KafkaLog } from '../kafka-settings.js'
import type { TopicPartition } from '../topic-partition.js'
import { type HeldPartition, type HeldPartitions, plainPartitions } from './held-partitions.js'
import { OffsetTracker } from './offset-tracker.js'
import type { StartingOffset } from './starting-offsets.js'

export type OnAssigned = (
  partitions: TopicPartition[],
  epoch: number,
  withUnknownPast: TopicPartition[],
) => void | Promise<void>

const MAX_BACKOFF_MS = 2_000

/** Between a join and the first record: reads where the gained partitions begin and announces them. */
export class AssignmentStart {
  constructor(
    private readonly held: HeldPartitions,
    private readonly readStarts: (partitions: readonly TopicPartition[]) => Promise<StartingOffset[]>,
    private readonly onAssigned: OnAssigned | undefined,
    private readonly log: KafkaLog,
    private readonly closing: AbortSignal,
  ) {}

  /** Gives every gained partition its tracker; tries for as long as this epoch lasts. Never rejects. */
  async prepare(gained: HeldPartition[], epoch: number): Promise<void> {
    const isOver = () => epoch !== this.held.epoch || this.closing.aborted
    for (let attempt = 0; gained.length > 0 && !isOver(); attempt++) {
      try {
        const starts = await this.readStarts(gained)
        if (!isOver()) await this.begin(gained, starts, epoch)
        return
      } catch (error) {
        this.log.warn({ error: String(error), epoch }, 'committed offsets cannot be read; trying again')
        await pauseFor(backoffMs(attempt, MAX_BACKOFF_MS), this.closing)
      }
    }
  }

  private async begin(gained: HeldPartition[], starts: StartingOffset[], epoch: number): Promise<void> {
    for (const start of starts.filter(({ source }) => source === 'beyond-end')) {
      this.log.error(start, 'the committed offset is beyond the end of the partition; beginning at its first record')
    }
    await this.announce(gained, starts, epoch)
    gained.forEach((holding, index) => {
      const start = starts[index]!
      holding.tracker = new OffsetTracker(start.offset, start.completedBeyond)
      holding.end = start.end
      holding.pastEnd = start.pastEnd
      // Where nothing is committed the beginning is, at the next commit: else records that come later would look
      // like those of a group that has lost its offsets.
      if (start.source === 'committed') holding.committedVersion = holding.tracker.version
    })
  }

  private async announce(gained: HeldPartition[], starts: StartingOffset[], epoch: number): Promise<void> {
    const withUnknownPast = starts.filter(({ offset, pastEnd }) => offset < pastEnd)
    for (const holding of gained) holding.isAnnounced = true
    try {
      await this.onAssigned?.(plainPartitions(gained), epoch, plainPartitions(withUnknownPast))
    } catch (error) {
      this.log.error({ error: errorText(error), epoch }, 'onAssigned failed; its partitions are consumed all the same')
    }
  }
}
