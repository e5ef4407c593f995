import { Inject, Injectable } from '@nestjs/common'
import { AttemptSlots, type DeliverableWebhook, type DisableRule, type DisableWebhook, RetrySchedule } from '#domain'
import { LOGGER, type Logger } from '#telemetry'
import { AttemptDelivery, type AttemptReport, type CountedReport, isCounted } from '../attempts/attempt-delivery.js'
import { Consequences } from '../settlement/consequences.js'
import { DispatchMetrics } from '../dispatch-metrics.js'
import { HandOver } from './hand-over.js'
import { Lanes } from './lanes.js'
import { MemoryBounds } from '../memory-bounds.js'
import { KnownStreaks } from '../past/known-streaks.js'
import { NewestChains } from '../past/newest-chains.js'
import { ReadyRound, type Turn } from './ready-round.js'
import { Relief } from './relief.js'
import { ReplayPace } from './replay-pace.js'
import { SleepingLanes } from './sleeping-lanes.js'
import { REPEAT_COMMAND_EVERY_MS, isNewBeginning } from '../webhooks/webhook-health.js'
import type { WebhookLane } from './webhook-lane.js'
import { WebhooksToCall } from '../webhooks/webhooks-to-call.js'
import { type Work, idsOf, isReplay, isReturning } from '../work.js'
import { WorksInHand } from '../works-in-hand.js'

export const DISABLE_RULE = Symbol('disable rule')

/**
 * Attempts under way in one process, from the request until what it came to is in the log. Sockets, and with them file
 * descriptors, are bounded by it, and what a crash repeats: without a broker nothing more is begun.
 */
export const MAX_IN_FLIGHT = 1_024
/**
 * Begun in one turn of the event loop: then what was answered, and what was read, has its turn. With quick receivers as
 * many are under way as they answer meanwhile, and not as many as there may be, which would only wait for each other here.
 */
const MOST_STARTS_IN_A_TURN = 16
/** How long a lane waits for the view of the webhooks before its delivery is put off. Ms. */
const VIEW_TIMEOUT_MS = 5_000
/** How soon to look again when our membership in the consumer group is in doubt. Ms. */
const STALE_HEARTBEAT_PAUSE_MS = 250
/**
 * How long requests that are under way when partitions change hands get, so that they need not be repeated. All lanes
 * wait meanwhile: most receivers answer sooner, and those that do not must not make the others late. Ms.
 */
const HAND_OVER_MS = 500

/**
 * What moves through the lanes: a delivery is offered, waits its turn, is attempted, and what follows is written.
 * Nothing here waits for a stranger while holding up another lane.
 */
@Injectable()
export class Dispatch {
  readonly #slots: AttemptSlots
  readonly #ready: ReadyRound
  readonly #sleeping = new SleepingLanes((lane) => this.#woken(lane))
  readonly #relief: Relief
  readonly #replayPace = new ReplayPace((lanes) => this.#wake(...lanes))
  /** Attempts that were answered and are not in the log yet. */
  #unwritten = 0
  #startedInTurn = 0
  #nextTurn: NodeJS.Immediate | undefined
  #isDraining = false
  readonly #handOver = new HandOver(() => this.#pump())

  constructor(
    private readonly attemptDelivery: AttemptDelivery,
    private readonly lanes: Lanes,
    private readonly streaks: KnownStreaks,
    private readonly consequences: Consequences,
    private readonly inHand: WorksInHand,
    private readonly webhooks: WebhooksToCall,
    memory: MemoryBounds,
    private readonly metrics: DispatchMetrics,
    schedule: RetrySchedule,
    private readonly chains: NewestChains,
    @Inject(DISABLE_RULE) private readonly disableRule: DisableRule,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    webhooks.onChange((before, after) => this.#webhookChanged(before, after))
    webhooks.onDelete((webhookId) => this.#cancelWaiting(this.lanes.get(webhookId)))
    this.#slots = new AttemptSlots(MAX_IN_FLIGHT)
    this.#ready = new ReadyRound(this.#slots)
    this.#relief = new Relief(lanes, memory.live, consequences, webhooks, schedule)
    metrics.observe({
      inFlight: () => this.#slots.taken,
      lanes: () => this.lanes.size,
      heldRecords: () => memory.records,
      heldBytes: () => memory.bytes,
    })
  }

  /**
   * Takes a delivery whose time has come. Returns at once: the record is completed later, whatever happens to it.
   * @returns false for a replay's whose lane has no room: it was not taken, and comes again when there is some
   */
  offer(work: Work): boolean {
    const now = Date.now()
    if (this.inHand.isDouble(work, now)) {
      if (work.delivery.isDeferred) this.lanes.get(work.delivery.webhookId)?.state.returned()
      this.inHand.completeDouble(work)
      return true
    }
    const lane = this.lanes.of(work.delivery.webhookId)
    const isFromReplay = isReplay(work)
    if (isFromReplay && !lane.state.hasRoomForReplay) return false
    if (work.delivery.isDeferred) lane.state.returned()
    this.inHand.take(work)
    if (this.chains.isReplaced(work.delivery)) {
      this.consequences.end(work, 'cancelled')
      return true
    }
    if (isFromReplay) lane.enqueue(work)
    else this.#place(lane, work, now)
    this.#ready.add(lane, now)
    this.#pump()
    return true
  }

  /** The process holds too much: what can wait is put off. */
  relieve(): void {
    this.#relief.relieve()
  }

  /** Tells once when the lane of a replay's delivery that was not taken has room for more. */
  whenReplayRoom(work: Work, tell: () => void): void {
    this.lanes.of(work.delivery.webhookId).whenReplayRoom(tell)
  }

  /**
   * Partitions are about to change hands: starts nothing more for now. Resolves when nothing is under way, or after
   * half a second.
   */
  async pauseForHandOver(): Promise<void> {
    this.#handOver.begin()
    await this.consequences.drained(HAND_OVER_MS)
  }

  resumeAfterHandOver(): void {
    this.#handOver.end()
  }

  /**
   * Starts nothing more and waits until all that was under way is settled, for at most `limitMs`.
   * @returns whether all was; what was not is still in the log and will be attempted again
   */
  drain(limitMs: number): Promise<boolean> {
    this.#isDraining = true
    this.#sleeping.stop()
    this.consequences.ending()
    return this.consequences.drained(limitMs)
  }

  #place(lane: WebhookLane, work: Work, now: number): void {
    const placement = lane.state.place(now)
    if (placement.kind === 'queue') lane.enqueue(work)
    else this.#makeRoom(lane, work, placement.until)
  }

  /** The lane is full or must not call: what waited before takes the place of what is new. */
  #makeRoom(lane: WebhookLane, work: Work, until: number): void {
    const displaced = isReturning(work) ? lane.displaceNewest() : undefined
    if (displaced) lane.enqueue(work)
    this.#putOff(lane, displaced ?? work, until)
  }

  #putOff(lane: WebhookLane, work: Work, until: number): void {
    const by = lane.waitsForUs(this.webhooks.get(lane.webhookId)) ? 'us' : 'receiver'
    this.consequences.putOff(lane.state, work, until, by)
  }

  #pump(): void {
    if (this.#isDraining || this.#handOver.isUnderWay) return
    const now = Date.now()
    while (this.#slots.taken + this.#unwritten < MAX_IN_FLIGHT && this.#startedInTurn < MOST_STARTS_IN_A_TURN) {
      const turn = this.#ready.next(now)
      if (!turn) return
      if (this.#startOne(turn, now)) this.#started()
      else this.#ready.release(turn)
    }
  }

  #started(): void {
    this.#startedInTurn++
    this.#nextTurn ??= setImmediate(() => {
      this.#nextTurn = undefined
      this.#startedInTurn = 0
      this.#pump()
    })
  }

  /** @returns whether the turn's slot is in use now */
  #startOne(turn: Turn, now: number): boolean {
    const { lane } = turn
    if (lane.isBehind) return false
    if (!lane.state.mayStart(now)) {
      const wakeAt = lane.state.wakeAt(now)
      if (wakeAt !== undefined) this.#sleeping.add(lane, wakeAt)
      return false
    }
    if (lane.isReplayNext && !this.#replayPace.admits(lane)) return false
    const work = lane.startNext(now)!
    if (!work.batch.isHeld()) {
      this.#putBackOrDrop(lane, work, now)
      return false
    }
    if (this.inHand.isDone(work, now)) {
      lane.abandoned(work)
      this.inHand.completeDouble(work)
      this.inHand.letGo(work)
      this.#ready.add(lane, now)
      return false
    }
    const webhook = this.webhooks.get(work.delivery.webhookId)
    if (!webhook || webhook.version < work.delivery.webhookVersion) {
      lane.putBack(work)
      this.consequences.track(this.#catchUp(lane))
      return false
    }
    const unanswered = lane.health.unanswered(webhook)
    if (unanswered) {
      lane.putBack(work)
      this.#silence(lane, unanswered, now)
      return false
    }
    const isCalled = webhook.isActive || work.delivery.trigger === 'test'
    const isWanted = isCalled && !this.chains.isReplaced(work.delivery)
    if (isWanted) {
      this.consequences.track(this.#attempt(turn, work, webhook))
    } else {
      lane.abandoned(work)
      this.consequences.end(work, 'cancelled')
    }
    this.#ready.add(lane, now)
    return isWanted
  }

  async #attempt(turn: Turn, work: Work, webhook: DeliverableWebhook): Promise<void> {
    const { lane } = turn
    const { wasUnanswered } = lane.state
    const answered = await this.attemptDelivery.run(work.delivery, webhook, lane.secretChoice, wasUnanswered)
    const report = asOf(this.webhooks.get(webhook.id), webhook, answered)
    const now = Date.now()
    this.#ready.release(turn)
    let command: DisableWebhook | null = null
    if (isCounted(report)) {
      const { result, startedAt } = report
      // Whatever a test is answered, nothing follows from it.
      if (work.delivery.trigger === 'test') lane.abandoned(work, startedAt)
      else this.#settle(lane, work, report, now)
      command = lane.health.attempted(work.delivery, webhook, result, startedAt, this.disableRule, now)
      if (command) this.#fallSilent(lane, now)
    } else {
      lane.abandoned(work, report.startedAt)
    }
    lane.isFailedByUs = !isCounted(report)
    for (const given of lane.giveBack(lane.state.surplus(now))) this.#putOff(lane, given, lane.state.putOffUntil(now))
    const written = isCounted(report)
      ? this.#write(work, report, command)
      : this.consequences.failedByUs(lane.state, work, report, now)
    this.#ready.add(lane, now)
    this.#pump()
    await written
  }

  #settle(lane: WebhookLane, work: Work, report: CountedReport, now: number): void {
    const { circuit } = lane.state
    const wasClosed = circuit.isClosed
    lane.settled(work, report, now)
    if (circuit.isClosed === wasClosed) return
    const { webhookId, accountId } = work.delivery
    if (wasClosed)
      this.logger.warn({ webhookId, accountId, detail: report.detail }, 'a receiver only fails: circuit open')
    else this.logger.info({ webhookId, accountId }, 'a receiver takes deliveries again: circuit closed')
  }

  async #write(work: Work, report: CountedReport, command: DisableWebhook | null): Promise<void> {
    this.#unwritten++
    await this.consequences.attempted(work, report, command)
    this.#unwritten--
    this.#pump()
  }

  /**
   * The view is older than the delivery or has no such webhook: only this lane waits until the view is at the end of
   * the changes. Then it is right, and a webhook that is absent was deleted.
   */
  async #catchUp(lane: WebhookLane): Promise<void> {
    lane.isBehind = true
    try {
      await this.webhooks.caughtUp(VIEW_TIMEOUT_MS)
    } catch (error) {
      lane.isBehind = false
      this.metrics.lateViews.inc()
      this.logger.warn({ webhookId: lane.webhookId, err: error }, 'the view of the webhooks lags: deliveries put off')
      const now = Date.now()
      for (const work of lane.giveBack(lane.state.queued))
        this.consequences.putOff(lane.state, work, now + VIEW_TIMEOUT_MS, 'us')
      if (lane.state.queuedReplays > 0) this.#sleeping.add(lane, now + VIEW_TIMEOUT_MS)
      return
    }
    lane.isBehind = false
    const webhook = this.webhooks.get(lane.webhookId)
    if (!webhook) {
      for (const work of lane.takeWhere(() => true)) this.consequences.end(work, 'cancelled')
      return
    }
    // Only a lost webhook-changes topic leads here: never attempt with an older version, and never spin on it.
    const ahead = lane.takeWhere(({ delivery }) => delivery.webhookVersion > webhook.version)
    for (const work of ahead) {
      this.metrics.lateViews.inc()
      this.logger.error({ ...idsOf(work), known: webhook.version }, 'a version that webhook-changes does not hold')
      this.consequences.putOff(lane.state, work, Date.now() + VIEW_TIMEOUT_MS, 'us')
    }
    this.#wake(lane)
  }

  /**
   * Calls nobody and cancels nothing until the API has answered; asks again from time to time. That may be for as long as
   * Postgres is away, and what the lane holds would keep the committed offset of its partition where it is.
   */
  #silence(lane: WebhookLane, command: DisableWebhook, now: number): void {
    this.#fallSilent(lane, now)
    this.consequences.repeatCommand(command)
    for (const work of lane.giveBack(lane.state.queued))
      this.consequences.putOff(lane.state, work, now + REPEAT_COMMAND_EVERY_MS, 'us')
  }

  /** Also a lane that holds nothing is woken: no other delivery may come, and the API may have put the command off. */
  #fallSilent(lane: WebhookLane, now: number): void {
    lane.state.pause(now + REPEAT_COMMAND_EVERY_MS)
    this.#sleeping.add(lane, now + REPEAT_COMMAND_EVERY_MS)
  }

  #woken(lane: WebhookLane): void {
    const webhook = this.lanes.isInUse(lane) ? this.webhooks.get(lane.webhookId) : undefined
    const unanswered = webhook && lane.health.unanswered(webhook)
    if (unanswered) this.#silence(lane, unanswered, Date.now())
    else this.#wake(lane)
  }

  #webhookChanged(before: DeliverableWebhook | undefined, after: DeliverableWebhook): void {
    // What was learnt about the receiver, its pause and its circuit, was about the one before.
    const isAnother = before !== undefined && before.url !== after.url
    const isProbed = after.isActive && (isAnother || before?.isActive === false)
    const lane = this.lanes.get(after.id)
    if (!lane) {
      if (isNewBeginning(before, after)) this.streaks.forget(after.id)
      if (isProbed) this.lanes.probeFirst(after.id)
      return
    }
    const waited = lane.health.unanswered(before ?? after) !== null
    lane.health.changed(before, after)
    if (waited && lane.health.unanswered(after) === null) lane.state.endPause()
    if (isProbed) this.lanes.probeFirst(after.id)
    if (after.isActive) this.#wake(lane)
    else this.#cancelWaiting(lane)
  }

  /** Nobody is called any more: a pause that the receiver asked for would keep what waits for up to hours. */
  #cancelWaiting(lane: WebhookLane | undefined): void {
    if (!lane) return
    lane.state.endPause()
    this.#wake(lane)
  }

  #putBackOrDrop(lane: WebhookLane, work: Work, now: number): void {
    if (work.batch.isOwned()) {
      lane.putBack(work)
      this.#sleeping.add(lane, now + STALE_HEARTBEAT_PAUSE_MS)
      return
    }
    lane.abandoned(work)
    this.inHand.letGo(work)
    this.#ready.add(lane, now)
  }

  #wake(...lanes: readonly WebhookLane[]): void {
    const now = Date.now()
    for (const lane of lanes) this.#ready.add(lane, now)
    this.#pump()
  }
}

/** A 410 was about the URL that was called: where there is another by now the delivery goes on there. */
function asOf(now: DeliverableWebhook | undefined, called: DeliverableWebhook, report: AttemptReport): AttemptReport {
  if (report.result?.kind !== 'refused' || !now || now.url === called.url) return report
  return { ...report, result: { kind: 'failed', reason: 'http_status', status: report.result.status } }
}
