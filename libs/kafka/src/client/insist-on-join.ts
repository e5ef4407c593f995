interface JoiningGroup {
  memberId: string | null
  generationId: number | null
  /** When the group was heard of last, ms since the epoch. */
  lastRequest: number
  joinAndSync(): Promise<void>
  fetch(nodeId: number): Promise<object[]>
  heartbeat(options: { interval: number }): Promise<void>
}
type JoiningGroupClass = new (options: never) => JoiningGroup

/** What a heartbeat is answered when one has to join. */
export const MUST_JOIN = new Set([
  'REBALANCE_IN_PROGRESS',
  'ILLEGAL_GENERATION',
  'UNKNOWN_MEMBER_ID',
  'NOT_COORDINATOR_FOR_GROUP',
])

/**
 * A join that fails half-way (its answer lost, the broker gone) leaves kafkajs going on as before: fetching what was its
 * share once, and, as one whom the group does not know or as a member of a generation whose share it was never told, at
 * ease for ever. Nothing would be committed any more, and the dispatcher would begin no attempt. The same when it is told
 * to join in a heartbeat whose error another one hides. So until a join has gone through, every fetch and every heartbeat
 * says that the group is about to share out, and kafkajs joins once more.
 *
 * @param isAboutToShareOut makes the broker's own error of that name
 */
export function insistOnJoin(stock: JoiningGroupClass, isAboutToShareOut: () => Error): JoiningGroupClass {
  return class extends stock {
    #mustJoin = false
    /** Joins that were begun: fetchers of several brokers may begin one each. */
    #joins = 0
    /** The generation whose share we were told. */
    #toldGeneration: number | null = null

    override async joinAndSync(): Promise<void> {
      const join = ++this.#joins
      this.#mustJoin = true
      await super.joinAndSync()
      if (join < this.#joins) return
      this.#mustJoin = false
      this.#toldGeneration = this.generationId
    }

    override async fetch(nodeId: number): Promise<object[]> {
      this.#insist()
      return super.fetch(nodeId)
    }

    override async heartbeat(options: { interval: number }): Promise<void> {
      this.#insist()
      // The clock was set back: kafkajs would send nothing until it is as late again.
      if (this.lastRequest > Date.now()) this.lastRequest = 0
      try {
        await super.heartbeat(options)
      } catch (error) {
        if (MUST_JOIN.has((error as { type?: string }).type ?? '')) this.#mustJoin = true
        throw error
      }
    }

    // An older join of our own may have gone on after the newest, and failed.
    #insist(): void {
      if (this.#mustJoin || this.memberId === null || this.generationId !== this.#toldGeneration)
        throw isAboutToShareOut()
    }
  }
}
