/** A record's place, and whom it is for. */
export interface LeftRecord {
  offset: number
  webhookId: string
}

/** The records of one partition that were read and left where they are, ascending. */
export class LeftRecords {
  #records: LeftRecord[] = []
  readonly #counts = new Map<string, number>()

  get count(): number {
    return this.#records.length
  }

  get webhookIds(): Iterable<string> {
    return this.#counts.keys()
  }

  get webhooks(): number {
    return this.#counts.size
  }

  /** How many of the webhook. */
  of(webhookId: string): number {
    return this.#counts.get(webhookId) ?? 0
  }

  /** From the oldest up to `offset`: what was passed by, and is kept with each commit where it is complete. */
  spanTo(offset: number): number {
    const oldest = this.#records[0]
    return oldest ? offset - oldest.offset : 0
  }

  /** @param offset after all that were added before */
  add(offset: number, webhookId: string): void {
    this.#records.push({ offset, webhookId })
    this.#counts.set(webhookId, this.of(webhookId) + 1)
  }

  /** Where the oldest lies for which `isWanted`, and the end of all. */
  stretch(isWanted: (webhookId: string) => boolean): { from: number; end: number } | undefined {
    const first = this.#records.find(({ webhookId }) => isWanted(webhookId))
    return first && { from: first.offset, end: this.#records.at(-1)!.offset + 1 }
  }

  /** Takes out what `isWanted` of those between two offsets, both included; asks in their order, once for each. */
  takeBetween(from: number, to: number, isWanted: (record: LeftRecord) => boolean): void {
    const begin = this.#indexOf(from)
    const end = this.#indexOf(to + 1)
    const kept = this.#records.slice(begin, end).filter((record) => {
      if (!isWanted(record)) return true
      const left = this.of(record.webhookId) - 1
      if (left > 0) this.#counts.set(record.webhookId, left)
      else this.#counts.delete(record.webhookId)
      return false
    })
    if (kept.length < end - begin) this.#records.splice(begin, end - begin, ...kept)
  }

  /** The first at `offset` or after it. */
  #indexOf(offset: number): number {
    let [low, high] = [0, this.#records.length]
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#records[middle]!.offset < offset) low = middle + 1
      else high = middle
    }
    return low
  }
}
