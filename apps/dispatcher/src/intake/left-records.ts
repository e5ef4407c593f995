import { Fifo } from '#domain'

/** A record's place, and when it was left there, ms since the epoch. */
interface LeftRecord {
  offset: number
  at: number
}

/** The records of one partition that were read and left where they are: a line for each webhook, in the log's order. */
export class LeftRecords {
  readonly #lines = new Map<string, Fifo<LeftRecord>>()
  #count = 0
  /** The newest that was added. */
  #newest = -1

  get count(): number {
    return this.#count
  }

  /** Those that have any left, from the one that was turned to longest ago. */
  get webhookIds(): string[] {
    return [...this.#lines.keys()]
  }

  get webhooks(): number {
    return this.#lines.size
  }

  /** One past the newest. */
  get end(): number {
    return this.#newest + 1
  }

  /** How many of the webhook. */
  of(webhookId: string): number {
    return this.#lines.get(webhookId)?.length ?? 0
  }

  oldestOf(webhookId: string): LeftRecord | undefined {
    return this.#lines.get(webhookId)?.first
  }

  /** The oldest of all. */
  get oldest(): (LeftRecord & { webhookId: string }) | undefined {
    let oldest: (LeftRecord & { webhookId: string }) | undefined
    for (const [webhookId, { first }] of this.#lines) {
      if (first && (!oldest || first.offset < oldest.offset)) oldest = { ...first, webhookId }
    }
    return oldest
  }

  /** @param offset after all that were added before */
  add(webhookId: string, offset: number, at: number): void {
    let line = this.#lines.get(webhookId)
    if (!line) this.#lines.set(webhookId, (line = new Fifo()))
    line.push({ offset, at })
    this.#count++
    this.#newest = offset
  }

  /** Takes the webhook's oldest out. */
  takeOldest(webhookId: string): LeftRecord | undefined {
    const line = this.#lines.get(webhookId)
    const taken = line?.shift()
    if (taken) this.#count--
    if (line?.length === 0) this.#lines.delete(webhookId)
    return taken
  }

  /** The webhook is turned to: all others come before it the next time. */
  turnedTo(webhookId: string): void {
    const line = this.#lines.get(webhookId)
    if (!line) return
    this.#lines.delete(webhookId)
    this.#lines.set(webhookId, line)
  }
}
