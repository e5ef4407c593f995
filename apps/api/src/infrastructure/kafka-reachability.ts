import { type KafkaConnection, TopicAdmin } from '#kafka'
import type { Logger } from '#telemetry'

/** A service that is taken out of traffic hears of Kafka's return by this alone, so it is not long. Ms. */
const ASK_EVERY_MS = 3_000

/**
 * Whether Kafka answers and has the topics that the API writes. Asked on its own and not learned from failed sends:
 * whoever is not ready gets no more events to learn from.
 */
export class KafkaReachability {
  readonly #admin: TopicAdmin
  #problem: string | null = 'Kafka has not answered yet'
  #timer: NodeJS.Timeout | undefined
  #asking: Promise<void> | undefined
  #isClosed = false

  constructor(
    connection: KafkaConnection,
    private readonly topics: string[],
    private readonly logger: Logger,
  ) {
    this.#admin = new TopicAdmin(connection)
  }

  /** Null when all is well, else what is not; at most a few seconds old. */
  problem(): string | null {
    return this.#problem
  }

  start(): void {
    this.#asking = this.#ask()
  }

  async close(): Promise<void> {
    this.#isClosed = true
    clearTimeout(this.#timer)
    // Ends also a question that waits for a broker that is away.
    await this.#admin.close().catch((error: unknown) => this.logger.debug({ err: error }, 'Kafka admin did not close'))
    await this.#asking
  }

  async #ask(): Promise<void> {
    const problem = await this.#currentProblem()
    if (this.#isClosed) return
    if (problem !== this.#problem) {
      if (problem === null) this.logger.info({}, 'Kafka is there')
      else this.logger.warn({ detail: problem }, 'not ready')
    }
    this.#problem = problem
    this.#timer = setTimeout(() => (this.#asking = this.#ask()), ASK_EVERY_MS)
  }

  async #currentProblem(): Promise<string | null> {
    try {
      const existing = await this.#admin.partitionCounts(this.topics)
      const missing = this.topics.filter((topic) => !existing.has(topic))
      return missing.length === 0
        ? null
        : `topics are missing, create them with the admin command: ${missing.join(', ')}`
    } catch (error) {
      this.logger.debug({ err: error }, 'Kafka was asked and did not answer')
      return 'Kafka does not answer'
    }
  }
}
