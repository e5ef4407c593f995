import type { RecordBatch } from '#kafka'

export interface GathererTimes {
  /** How long a round stays open after its first batch, so that the other partitions of a fetch can join. Ms. */
  gatherMs: number
  /**
   * From the opening of a round to the next, at least: fewer and fuller rounds cost a quarter, and most deliveries are
   * written once, when their attempt is known as well. Ms.
   */
  roundMs: number
  /** Before a failed round is tried again: doubled from the first to the last. Ms. */
  retryMs: [first: number, last: number]
}

const TIMES: GathererTimes = { gatherMs: 10, roundMs: 250, retryMs: [100, 3_000] }

/** A round that holds this many is full: a backlog is written in portions that fit into memory and into seconds. */
const MAX_RECORDS = 5_000

/**
 * Gathers the batches of several partitions into rounds, each written as one and then completed. A round that fails is
 * tried again until it succeeds; meanwhile nothing more is taken, so that a database that is away shows as lag.
 */
export class BatchGatherer {
  #round: RecordBatch[] = []
  #records = 0
  /** Whether the current round takes more; while it does not, who comes waits for `#opened`. */
  #isOpen = true
  #opened = signal()
  #working: Promise<void> | undefined
  readonly #closing = new AbortController()

  /**
   * @param write all or nothing, and harmless when repeated
   * @param onFailed told of every failure; the round goes on
   */
  constructor(
    private readonly write: (batches: readonly RecordBatch[]) => Promise<void>,
    private readonly onFailed: (error: unknown) => void,
    private readonly times: GathererTimes = TIMES,
  ) {}

  /** For the consumer: taken at once, or a promise that holds the consumer back until the next round opens. */
  take(batch: RecordBatch): void | Promise<void> {
    if (this.#closing.signal.aborted) return
    this.#round.push(batch)
    this.#records += batch.records.length
    this.#working ??= this.#work()
    if (this.#records >= MAX_RECORDS) this.#isOpen = false
    return this.#isOpen ? undefined : this.#opened.promise
  }

  /** Ends after the round that is being written, or at once when that one fails; what is not complete comes again. */
  async close(): Promise<void> {
    this.#closing.abort()
    await this.#working
    this.#opened.resolve()
  }

  async #work(): Promise<void> {
    while (this.#round.length > 0 && !this.#closing.signal.aborted) {
      const openedAt = Date.now()
      await this.#pause(this.times.gatherMs)
      this.#isOpen = false
      const round = this.#round
      this.#round = []
      await this.#writeUntilDone(round)
      if (!isBacklog(round)) await this.#pause(openedAt + this.times.roundMs - Date.now())
      this.#open()
    }
    this.#working = undefined
  }

  #open(): void {
    this.#records = countOf(this.#round)
    this.#isOpen = true
    this.#opened.resolve()
    this.#opened = signal()
  }

  async #writeUntilDone(round: readonly RecordBatch[]): Promise<void> {
    const [firstMs, longestMs] = this.times.retryMs
    let waitMs = firstMs
    while (!this.#closing.signal.aborted) {
      try {
        await this.write(round)
        for (const batch of round) batch.completeAll()
        return
      } catch (error) {
        this.onFailed(error)
        await this.#pause(waitMs)
        waitMs = Math.min(2 * waitMs, longestMs)
      }
    }
  }

  /** Shorter when the gatherer is closed. */
  #pause(ms: number): Promise<void> {
    const { signal: closing } = this.#closing
    if (ms <= 0 || closing.aborted) return Promise.resolve()
    return new Promise((resolve) => {
      const end = () => {
        clearTimeout(timer)
        closing.removeEventListener('abort', end)
        resolve()
      }
      const timer = setTimeout(end, ms)
      closing.addEventListener('abort', end)
    })
  }
}

/**
 * Whether there is more to be written at once: the round is full, or a fetch did not bring all that its partition has. With
 * large records that is a few hundred, and to rest after them would fall behind.
 */
function isBacklog(round: readonly RecordBatch[]): boolean {
  const hasMore = ({ records, highWatermark }: RecordBatch): boolean =>
    (records.at(-1)?.offset ?? Infinity) + 1 < highWatermark
  return countOf(round) >= MAX_RECORDS || round.some(hasMore)
}

function countOf(round: readonly RecordBatch[]): number {
  return round.reduce((sum, batch) => sum + batch.records.length, 0)
}

interface Signal {
  promise: Promise<void>
  resolve: () => void
}

function signal(): Signal {
  let resolve!: () => void
  const promise = new Promise<void>((done) => (resolve = done))
  return { promise, resolve }
}
