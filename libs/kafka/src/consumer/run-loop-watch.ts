import { type ClusterLink, brokerErrorType } from '../client/cluster-link.js'
import type { KafkaLog } from '../kafka-settings.js'

const CHECK_EVERY_MS = 15_000
/** Longer than any join may take: the rebalance and the session time-out together. */
const STILL_AFTER_MS = 60_000
/** Told once, and when it is over. Ms. */
const QUIET_AFTER_MS = 15_000
/** What is answered while nobody keeps the group; any other refusal, as of some topic that is gone, is an answer. */
const OF_COORDINATOR = new Set([
  'GROUP_COORDINATOR_NOT_AVAILABLE',
  'GROUP_LOAD_IN_PROGRESS',
  'NOT_COORDINATOR_FOR_GROUP',
])
/** How often in a row the broker must have answered while the loop stood still. */
const PROOFS = 4

/**
 * Finds a fetch loop that has ended without a word, or goes round outside of the group, while the process lives on. A
 * silent broker is no sign of it: only when the broker answers others and nothing moves all the same, time after time, is
 * the loop dead.
 */
export class RunLoopWatch {
  private timer: NodeJS.Timeout | undefined
  private proofs = 0
  private isQuiet = false

  constructor(
    private readonly link: Pick<ClusterLink, 'run' | 'renew' | 'close'>,
    private readonly groupId: string,
    /** Since the loop went round as that of a member of the group. */
    private readonly stillMs: () => number,
    private readonly onDead: (error: Error) => void,
    private readonly log: Pick<KafkaLog, 'info' | 'warn'>,
  ) {}

  start(): void {
    this.timer = setInterval(() => void this.check(), CHECK_EVERY_MS)
  }

  stop(): void {
    clearInterval(this.timer)
    this.link.close()
  }

  private tell(): void {
    const isQuiet = this.stillMs() >= QUIET_AFTER_MS
    if (isQuiet === this.isQuiet) return
    this.isQuiet = isQuiet
    if (!isQuiet) return this.log.info({}, 'records are fetched again')
    const fields = { ms: this.stillMs() }
    this.log.warn(fields, 'nothing is fetched: Kafka does not answer, or its group waits for a member')
  }

  private async check(): Promise<void> {
    this.tell()
    if (this.stillMs() < STILL_AFTER_MS) {
      if (this.proofs > 0) this.link.renew()
      this.proofs = 0
      return
    }
    this.proofs = (await this.brokerAnswers()) ? this.proofs + 1 : 0
    if (this.proofs < PROOFS) return
    this.stop()
    this.onDead(
      new Error(`nothing was fetched as a member of the group for ${this.stillMs()} ms while the broker answers`),
    )
  }

  /** And knows who keeps the group: without that one nobody can be a member. */
  private async brokerAnswers(): Promise<boolean> {
    try {
      await this.link.run([], (cluster) => cluster.findGroupCoordinator({ groupId: this.groupId }))
      return true
    } catch (error) {
      const type = brokerErrorType(error)
      return type !== undefined && !OF_COORDINATOR.has(type)
    }
  }
}
