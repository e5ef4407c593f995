import type { Gap } from './admit-batch.js'
import type { OffsetTracker } from './offset-tracker.js'
import { type TopicPartition, partitionName } from '../topic-partition.js'

/** A partition that this member holds, from the join that gave it until the one that took it. */
export interface HeldPartition extends TopicPartition {
  /** The join since which it is held without interruption; a partition that was away and is back has a new one. */
  readonly epoch: number
  /** Unset until its committed offset was read: no record is handed out before. */
  tracker: OffsetTracker | undefined
  /** onAssigned was called for it, so onLost will be. */
  isAnnounced: boolean
  /** The partition's end as last heard of. */
  end: number
  gap: Gap | undefined
  /** The tracker's version that was committed last. */
  committedVersion: number
  /** Of the records before it the group does not know what is done; told to the next owner with each commit. */
  pastEnd: number
  /** The last commit could name everything that is complete beyond its offset. */
  isNamed: boolean
}

/** Who we are in the group; commits carry it, and the broker refuses them from a past generation. */
export interface Membership {
  memberId: string
  generationId: number
}

export interface JoinChange {
  retained: HeldPartition[]
  gained: HeldPartition[]
  lost: HeldPartition[]
}

/** What a member asks for when it joins: what it held in its last generation (-1: in none). */
export interface Claim {
  generation: number
  partitions: readonly TopicPartition[]
}

const NO_CLAIM: Claim = { generation: -1, partitions: [] }

/** What this member holds, kept across joins. */
export class HeldPartitions {
  epoch = 0
  membership: Membership | undefined
  private held = new Map<string, HeldPartition>()
  private lastClaim = NO_CLAIM

  get all(): HeldPartition[] {
    return [...this.held.values()]
  }

  /**
   * What is held, or was when we fell out of the group: back after a broker's crash, a member that gets the same
   * partitions still knows which of their records it has done.
   */
  get claim(): Claim {
    if (!this.membership) return this.lastClaim
    return { generation: this.membership.generationId, partitions: plainPartitions(this.all) }
  }

  get(topic: string, partition: number): HeldPartition | undefined {
    return this.held.get(partitionName({ topic, partition }))
  }

  /** The very same holding as then: not lost, and not lost and given back. */
  isCurrent(partition: HeldPartition): boolean {
    return this.held.get(partitionName(partition)) === partition
  }

  /**
   * Takes over an assignment. A partition counts as retained only if we were in every generation between: after a
   * gap, or as a new member, somebody else may have worked on it meanwhile.
   */
  join(membership: Membership, assignment: Record<string, number[]>): JoinChange {
    const before = this.membership
    const isContinuous = before?.memberId === membership.memberId && membership.generationId === before.generationId + 1
    this.epoch++
    this.membership = membership
    const old = this.held
    this.held = new Map()
    const change: JoinChange = { retained: [], gained: [], lost: [] }
    for (const [topic, partitions] of Object.entries(assignment)) {
      for (const partition of partitions) {
        const name = partitionName({ topic, partition })
        const known = old.get(name)
        // One whose offsets were never read has handed nothing out: it begins anew.
        const kept = isContinuous && known?.tracker ? known : undefined
        if (kept) old.delete(name)
        const holding = kept ?? newHolding(topic, partition, this.epoch)
        this.held.set(name, holding)
        change[kept ? 'retained' : 'gained'].push(holding)
      }
    }
    change.lost = [...old.values()].filter(({ isAnnounced }) => isAnnounced)
    return change
  }

  /** Left the group or fell out of it. Returns what was held. */
  leave(): HeldPartition[] {
    this.epoch++
    this.lastClaim = this.claim
    const lost = this.all.filter(({ isAnnounced }) => isAnnounced)
    this.held.clear()
    this.membership = undefined
    return lost
  }
}

function newHolding(topic: string, partition: number, epoch: number): HeldPartition {
  return {
    topic,
    partition,
    epoch,
    tracker: undefined,
    isAnnounced: false,
    end: 0,
    gap: undefined,
    committedVersion: -1,
    pastEnd: 0,
    isNamed: true,
  }
}

/** The bare names, for hooks and logs. */
export function plainPartitions(partitions: readonly TopicPartition[]): TopicPartition[] {
  return partitions.map(({ topic, partition }) => ({ topic, partition }))
}
