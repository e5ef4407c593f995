import { type Broker, kafkaJs } from '../../../../libs/kafka/src/client/kafkajs.js'
import type { PretendLog } from './pretend-log.testing.js'

export type Assignment = Record<string, number[]>

export interface Joined {
  memberId: string
  generation: number
  leaderId: string
  members: { memberId: string; memberMetadata: Buffer }[]
}

interface Waiting<T> {
  resolve(value: T): void
  reject(error: Error): void
}

interface Member {
  metadata: Buffer
  joining: Waiting<Joined> | undefined
  syncing: Waiting<Assignment> | undefined
  assignment: Assignment | undefined
  /** The last generation whose assignment has reached it. */
  began: number
}

/** An error code of the broker. */
export class Refused extends Error {
  constructor(readonly type: 'UNKNOWN_MEMBER_ID' | 'ILLEGAL_GENERATION' | 'REBALANCE_IN_PROGRESS') {
    super(type)
  }
}

/** The broker's half of a consumer group: everybody joins, the leader shares out, and only then it goes on. */
export class PretendGroup {
  #generation = 0
  #nextMember = 1
  #isRebalancing = false
  /** The leader has not shared out yet. */
  #isSharingOut = false
  readonly #members = new Map<string, Member>()

  constructor(private readonly log: PretendLog) {}

  /** Resolves when all members have joined. */
  join(memberId = `member-${this.#nextMember++}`, metadata: Buffer): Promise<Joined> {
    const member = this.#members.get(memberId) ?? {
      metadata,
      joining: undefined,
      syncing: undefined,
      assignment: undefined,
      began: -1,
    }
    member.metadata = metadata
    this.#members.set(memberId, member)
    this.#rebalance()
    return new Promise((resolve, reject) => {
      member.joining = { resolve, reject }
      this.#beginIfComplete()
    })
  }

  /** Resolves with the member's share when the leader has told it. */
  sync(memberId: string, generation: number, shares?: { memberId: string; memberAssignment: Buffer }[]) {
    const member = this.#known(memberId)
    if (generation !== this.#generation || this.#isRebalancing) throw new Refused('REBALANCE_IN_PROGRESS')
    for (const { memberId: to, memberAssignment } of shares ?? []) {
      const one = this.#known(to)
      one.assignment = kafkaJs.AssignerProtocol.MemberAssignment.decode(memberAssignment)!.assignment
      one.syncing?.resolve(one.assignment)
    }
    if (shares) this.#isSharingOut = false
    if (member.assignment) return Promise.resolve(member.assignment)
    return new Promise<Assignment>((resolve, reject) => (member.syncing = { resolve, reject }))
  }

  heartbeat(memberId: string, generation: number): void {
    this.#known(memberId)
    if (generation !== this.#generation) throw new Refused('ILLEGAL_GENERATION')
    if (this.#isRebalancing) throw new Refused('REBALANCE_IN_PROGRESS')
  }

  /** Allowed also while members are joining: the old generation counts until all have. */
  commit({ memberId, groupGenerationId, topics }: Parameters<Broker['offsetCommit']>[0]): void {
    this.#known(memberId)
    if (groupGenerationId !== this.#generation) throw new Refused('ILLEGAL_GENERATION')
    if (this.#isSharingOut) throw new Refused('REBALANCE_IN_PROGRESS')
    for (const { topic, partitions } of topics) {
      for (const { partition, offset, metadata } of partitions) {
        this.log.committed.set(`${topic}/${partition}`, { offset, metadata })
      }
    }
  }

  leave(memberId: string): void {
    const member = this.#members.get(memberId)
    if (!member) return
    this.#members.delete(memberId)
    member.joining?.reject(new Refused('UNKNOWN_MEMBER_ID'))
    member.syncing?.reject(new Refused('UNKNOWN_MEMBER_ID'))
    if (this.#members.size > 0) this.#rebalance()
    this.#beginIfComplete()
  }

  /** The member has received its share, and works by it. */
  began(memberId: string): void {
    const member = this.#members.get(memberId)
    if (member) member.began = this.#generation
  }

  /** Another member works on the partition by the assignment that counts now. */
  isAnothers(topic: string, partition: number, memberId: string | undefined): boolean {
    return [...this.#members].some(
      ([id, { began, assignment }]) =>
        id !== memberId && began === this.#generation && assignment?.[topic]?.includes(partition),
    )
  }

  #known(memberId: string): Member {
    const member = this.#members.get(memberId)
    if (!member) throw new Refused('UNKNOWN_MEMBER_ID')
    return member
  }

  #rebalance(): void {
    if (this.#isRebalancing) return
    this.#isRebalancing = true
    this.#isSharingOut = false
    for (const member of this.#members.values()) {
      member.syncing?.reject(new Refused('REBALANCE_IN_PROGRESS'))
      member.syncing = undefined
    }
  }

  #beginIfComplete(): void {
    const members = [...this.#members]
    if (!this.#isRebalancing || members.length === 0 || members.some(([, { joining }]) => !joining)) return
    this.#isRebalancing = false
    this.#isSharingOut = true
    this.#generation++
    const all = members.map(([memberId, { metadata }]) => ({ memberId, memberMetadata: metadata }))
    for (const [memberId, member] of members) {
      const { joining } = member
      member.joining = undefined
      member.syncing = undefined
      member.assignment = undefined
      joining!.resolve({ memberId, generation: this.#generation, leaderId: members[0]![0], members: all })
    }
  }
}
