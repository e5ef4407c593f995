interface JoiningGroup {
  joinAndSync(): Promise<void>
  fetch(nodeId: number): Promise<object[]>
  heartbeat(options: { interval: number }): Promise<void>
}
type JoiningGroupClass = new (options: never) => JoiningGroup

/**
 * A join that fails half-way (its answer lost, the broker gone) leaves kafkajs going on as before: fetching what was its
 * share once, and, as one whom the group does not know or as a member of a generation whose share it was never told, at
 * ease for ever. Nothing would be committed any more, and the dispatcher would begin no attempt. So until a join has gone
 * through, every fetch and every heartbeat says that the group is about to share out, and kafkajs joins once more.
 *
 * @param isAboutToShareOut makes the broker's own error of that name
 */
export function insistOnJoin(stock: JoiningGroupClass, isAboutToShareOut: () => Error): JoiningGroupClass {
  return class extends stock {
    /** Joins that were begun, and the newest that went through: fetchers of several brokers may begin one each. */
    #begun = 0
    #through = 0

    override async joinAndSync(): Promise<void> {
      const join = ++this.#begun
      await super.joinAndSync()
      this.#through = Math.max(this.#through, join)
    }

    override async fetch(nodeId: number): Promise<object[]> {
      this.#insist()
      return super.fetch(nodeId)
    }

    override async heartbeat(options: { interval: number }): Promise<void> {
      this.#insist()
      return super.heartbeat(options)
    }

    #insist(): void {
      if (this.#through < this.#begun) throw isAboutToShareOut()
    }
  }
}
