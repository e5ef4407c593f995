import { type DeliverableWebhook, Fifo, Lane, type Standing, type Streak, type TierBounds } from '#domain'
import { SecretChoice } from '../attempts/secret-choice.js'
import { WebhookHealth } from '../webhooks/webhook-health.js'
import type { CountedReport } from '../attempts/attempt-delivery.js'
import { type Work, isReplay, isReturning } from '../work.js'

/** A webhook's lane with what it holds: what waited before goes ahead of what is new, and replays go last. */
export class WebhookLane {
  readonly state: Lane
  readonly health: WebhookHealth
  readonly secretChoice = new SecretChoice()
  /** Back from a tier: a retry, or put off before. */
  readonly #returned = new Fifo<Work>()
  readonly #fresh = new Fifo<Work>()
  /** Never put off and never displacing: beyond some few they wait in front of the lane. */
  readonly #replays = new Fifo<Work>()
  #awaitingReplayRoom: (() => void)[] = []
  #latestBatch: Work['batch'] | undefined
  /** As what it stands in the round of lanes that may start something, if it does. */
  readyAs: Standing | undefined
  /** Waits for the view of the webhooks to catch up: nothing starts meanwhile. */
  isBehind = false
  /** Its last attempt failed by a fault of ours. */
  isFailedByUs = false

  constructor(
    readonly webhookId: string,
    tiers: TierBounds,
    streak: Streak | null = null,
  ) {
    this.state = new Lane(tiers, Date.now())
    this.health = new WebhookHealth(streak)
  }

  get isIdle(): boolean {
    return this.readyAs === undefined && !this.isBehind && this.state.unfinished === 0
  }

  isForgettable(now: number): boolean {
    return this.isIdle && !this.health.isFailing && this.state.isForgettable(now)
  }

  /** It calls nobody until the API has answered its command, however lately its receiver took something. */
  isSilent(webhook: DeliverableWebhook | undefined): boolean {
    return webhook !== undefined && this.health.unanswered(webhook) !== null
  }

  /** Not for its receiver: what is put off now does not age by it, however long that is. */
  waitsForUs(webhook: DeliverableWebhook | undefined): boolean {
    return this.isFailedByUs || this.isSilent(webhook)
  }

  /** Its partition is another process's now. */
  get isLost(): boolean {
    return this.#latestBatch?.isOwned() === false
  }

  /** Live traffic and retries go first: only replays are left. */
  get isReplayNext(): boolean {
    return this.state.queued === 0
  }

  enqueue(work: Work): void {
    this.#latestBatch = work.batch
    this.#queueOf(work).push(work)
    this.state.enqueued(isReplay(work))
  }

  /** Takes the next one to attempt; the lane's state counts it as under way from here. */
  startNext(now: number): Work | undefined {
    const work = this.#returned.shift() ?? this.#fresh.shift() ?? this.#replays.shift()
    if (work) this.state.started(now, isReplay(work))
    this.#tellReplayRoom()
    return work
  }

  /** Puts back what could not be started after all, where it was. */
  putBack(work: Work): void {
    this.abandoned(work)
    this.#queueOf(work).unshift(work)
    this.state.enqueued(isReplay(work))
  }

  /** What was started ended without an attempt that counts; `startedAt` (ms since the epoch) when there was a request. */
  abandoned(work: Work, startedAt?: number): void {
    this.state.abandoned(isReplay(work), startedAt)
  }

  /** The receiver's doing: the lane learns from it. */
  settled(work: Work, report: CountedReport, now: number): void {
    const { result: outcome, startedAt, durationMs: latencyMs, isUnreached } = report
    const of = { deliveryId: work.delivery.id, isReplay: isReplay(work) }
    this.state.settled({ ...of, outcome, startedAt, latencyMs, isUnreached }, now)
  }

  /** Once, when it is worth bringing more of a replay. */
  whenReplayRoom(tell: () => void): void {
    this.#awaitingReplayRoom.push(tell)
    this.#tellReplayRoom()
  }

  /** Takes out the newest, to be put off in favour of one that waited before; only what is new can be displaced. */
  displaceNewest(): Work | undefined {
    const work = this.#fresh.pop()
    if (work) this.state.dequeued()
    return work
  }

  /** Gives back what the lane must not hold any longer, newest first. Not replays: few, and not to be put off. */
  giveBack(count: number): Work[] {
    const given: Work[] = []
    while (given.length < count) {
      const work = this.#fresh.pop() ?? this.#returned.pop()
      if (!work) break
      this.state.dequeued()
      given.push(work)
    }
    // In the order in which they came, so that they also come back in it.
    return given.reverse()
  }

  /** Takes out what belongs to partitions that another process owns now. */
  dropLost(): Work[] {
    return this.takeWhere(({ batch }) => !batch.isOwned())
  }

  takeWhere(matches: (work: Work) => boolean): Work[] {
    const queues = [this.#returned, this.#fresh, this.#replays]
    const taken = queues.flatMap((queue) => queue.removeWhere(matches))
    for (const work of taken) this.state.dequeued(isReplay(work))
    this.#tellReplayRoom()
    return taken
  }

  #queueOf(work: Work): Fifo<Work> {
    if (isReturning(work)) return this.#returned
    return isReplay(work) ? this.#replays : this.#fresh
  }

  #tellReplayRoom(): void {
    if (this.#awaitingReplayRoom.length === 0 || this.state.isHalfFullOfReplays) return
    const waiting = this.#awaitingReplayRoom
    this.#awaitingReplayRoom = []
    for (const tell of waiting) tell()
  }
}
