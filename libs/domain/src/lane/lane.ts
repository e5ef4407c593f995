import type { AttemptOutcome } from '../attempt.js'
import type { Standing } from './attempt-slots.js'
import { Circuit } from './circuit.js'
import { InFlightCap } from './in-flight-cap.js'

/** A lane is proven while its last success is younger than this, ms. */
const PROVEN_FOR_MS = 30_000
/**
 * A receiver that has answered nothing for so long while requests are under way may have begun to hang, and is not proven
 * any more: its circuit needs many failures to open, and each takes the whole deadline. At least, ms, and in its latencies.
 */
const SILENT_AFTER_MS = 1_000
const SILENT_AFTER_LATENCIES = 3
/** A lane by itself never puts off fewer unfinished ones than this: a quiet webhook keeps its schedule whatever it answers. */
const NEVER_PUT_OFF_BELOW = 10
/** A lane holds what it finishes within the shortest tier's delay, but at least and at most so many. */
const LEAST_HELD = 64
const MOST_HELD = 2_000
/** Until a lane has answered once. Ms. */
const ASSUMED_LATENCY_MS = 100
/** Weight of the newest latency in the average. */
const LATENCY_WEIGHT = 0.1
/** A quiet lane keeps its cap and its latency this long, ms. */
const FORGOTTEN_AFTER_MS = 10 * 60_000
/** What a lane holds of replays, whatever its speed: the rest waits in front of it and in the topic, not in a tier. */
const MOST_REPLAYS_HELD = 64
/** A receiver that asks for a longer pause than this gives back what it holds: memory is not a waiting room. Ms. */
const LONGEST_HELD_PAUSE_MS = 30_000

/** Of the retry schedule, ms. */
export interface TierBounds {
  shortestMs: number
  longestMs: number
}

export interface SettledAttempt {
  deliveryId: string
  outcome: AttemptOutcome
  /** Ms since the epoch. */
  startedAt: number
  /** By a clock that nobody sets. */
  latencyMs: number
  isReplay?: boolean
  /** It ended before there was a connection for its request. */
  isUnreached?: boolean | undefined
}

/** Where a delivery that just arrived goes: into the lane, or put off until then (ms since the epoch). */
export type Placement = { kind: 'queue' } | { kind: 'defer'; until: number }

/**
 * One webhook's share of the dispatcher, as decisions only: how much it may hold, how much may be under way, and
 * until when the rest is put off. Queues and requests belong to the process; this counts them. Times in ms.
 */
export class Lane {
  #cap = new InFlightCap()
  readonly circuit = new Circuit()
  #queued = 0
  #queuedReplays = 0
  #inFlight = 0
  #replaysInFlight = 0
  /** Of those under way, to the receiver of before: they take nobody's place at the new one. */
  #inFlightBefore = 0
  #deferred = 0
  #latencyMs = ASSUMED_LATENCY_MS
  /** Its last answer, or when it first had something to answer since. */
  #silentSince = -Infinity
  #pausedUntil = -Infinity
  #lastSuccessAt = -Infinity
  #failedSinceSuccess = false
  #wasUnanswered = false
  #wasUnreached = false
  #mustProbe = false
  #probedSince = -Infinity
  /** When the lane will have worked off all that it was given and all that was put off. */
  #horizon = -Infinity

  /** @param watchedSince when this process began to look after the webhook, ms since the epoch */
  constructor(
    private readonly tiers: TierBounds,
    readonly watchedSince = 0,
  ) {}

  get cap(): InFlightCap {
    return this.#cap
  }

  /** Of live traffic: what is held of replays takes nobody's place. */
  get queued(): number {
    return this.#queued
  }

  get queuedReplays(): number {
    return this.#queuedReplays
  }

  get hasRoomForReplay(): boolean {
    return this.#queuedReplays < MOST_REPLAYS_HELD
  }

  /** Fetching more before this much is gone would be a stop and go with each delivery. */
  get isHalfFullOfReplays(): boolean {
    return this.#queuedReplays > MOST_REPLAYS_HELD / 2
  }

  get inFlight(): number {
    return this.#inFlight
  }

  /** Queued, under way, or put off and not yet back. */
  get unfinished(): number {
    return this.#queued + this.#queuedReplays + this.#inFlight + this.#deferred
  }

  get lastSuccessAt(): number {
    return this.#lastSuccessAt
  }

  /** The receiver took the last request and left it without an answer: it timed out, or the connection was lost. */
  get wasUnanswered(): boolean {
    return this.#wasUnanswered && !this.#wasUnreached
  }

  /** Deliveries that it finishes in a second, by its cap and its average latency (Little's law). */
  get ratePerSecond(): number {
    return (this.cap.limit * 1_000) / this.#latencyMs
  }

  get capacity(): number {
    const finished = (this.ratePerSecond * this.tiers.shortestMs) / 1_000
    return Math.min(MOST_HELD, Math.max(LEAST_HELD, Math.floor(finished)))
  }

  /** What it may hold of live traffic is held: more would be put off. */
  get isFull(): boolean {
    return this.#queued >= this.capacity
  }

  /** How long it will take over what is queued and `more` besides, at its own rate. Ms. */
  waitMs(more: number): number {
    return ((this.#queued + more) * 1_000) / this.ratePerSecond
  }

  /** The receiver asked for a pause, or its circuit is open. */
  isBlocked(now: number): boolean {
    return this.#blockedUntil(now) > now
  }

  /** What speaks for another request, and against it. With no success of late one request finds out before others follow. */
  standing(now: number): Standing {
    if (this.#wasUnanswered || this.#isSilent(now)) return 'unproven'
    if (now - this.#lastSuccessAt < PROVEN_FOR_MS) return 'proven'
    return this.#failedSinceSuccess || this.#underWay > 0 ? 'unproven' : 'untried'
  }

  /** Nothing to remember: its last word was a success, long enough ago, and it did not ask for a pause that lasts. */
  isForgettable(now: number): boolean {
    return (
      this.unfinished === 0 &&
      !this.#mustProbe &&
      !this.#failedSinceSuccess &&
      this.#pausedUntil <= now &&
      now - this.#lastSuccessAt > FORGOTTEN_AFTER_MS
    )
  }

  place(now: number): Placement {
    const blockedUntil = this.#blockedUntil(now)
    if (this.unfinished < NEVER_PUT_OFF_BELOW && blockedUntil - now <= LONGEST_HELD_PAUSE_MS) return { kind: 'queue' }
    if (blockedUntil > now || this.isFull) return { kind: 'defer', until: this.#promise(blockedUntil) }
    return { kind: 'queue' }
  }

  /** Whether the lane has to give back what it holds beyond the few that it never puts off by itself. */
  surplus(now: number): number {
    const blockedUntil = this.#blockedUntil(now)
    if (blockedUntil <= now) return Math.max(0, this.#queued - MOST_HELD)
    const kept = blockedUntil - now > LONGEST_HELD_PAUSE_MS ? 0 : Math.max(0, NEVER_PUT_OFF_BELOW - 1 - this.#inFlight)
    return Math.max(0, this.#queued - kept)
  }

  /** Until when a queued delivery that the lane gives back is put off. Call after `dequeued`. */
  putOffUntil(now: number): number {
    // The one that is given back is unfinished as well.
    return this.#promise(this.#blockedUntil(now, this.unfinished + 1))
  }

  /** Nothing starts before `until`: the receiver, or our own doubt, asked for it. */
  pause(until: number): void {
    this.#pausedUntil = Math.max(this.#pausedUntil, until)
  }

  endPause(): void {
    this.#pausedUntil = -Infinity
  }

  /** For a webhook that was enabled again or has a new URL: one attempt finds out before others follow, however few. */
  probeFirst(now: number): void {
    this.#probedSince = now
    this.#inFlightBefore = this.#inFlight
    this.endPause()
    this.circuit.probeNext()
    this.#mustProbe = true
    // What was learnt of a receiver that hung would make the one that replaces it slow for minutes.
    this.#cap = new InFlightCap()
    this.#latencyMs = ASSUMED_LATENCY_MS
    this.#wasUnanswered = false
    this.#failedSinceSuccess = false
  }

  mayStart(now: number): boolean {
    const limit = this.#limit(now)
    if (now < this.#pausedUntil || this.#underWay >= limit) return false
    if (this.#queued > 0) return true
    // Half is kept free: what arrives while a replay runs finds a place at once.
    return this.#queuedReplays > 0 && (this.#mustProbe || this.#replaysInFlight < Math.max(1, limit / 2))
  }

  /** When a lane that may not start now is worth another look; undefined: when one of its attempts ends. */
  wakeAt(now: number): number | undefined {
    if (this.#queued + this.#queuedReplays === 0) return undefined
    const at = this.#blockedUntil(now)
    return at > now ? at : undefined
  }

  enqueued(isReplay = false): void {
    if (isReplay) this.#queuedReplays++
    else this.#queued++
  }

  dequeued(isReplay = false): void {
    if (isReplay) this.#queuedReplays--
    else this.#queued--
  }

  wasDeferred(): void {
    this.#deferred++
  }

  returned(): void {
    // After a takeover deliveries return that another process had put off.
    if (this.#deferred > 0) this.#deferred--
  }

  started(now: number, isReplay = false): void {
    this.dequeued(isReplay)
    if (this.#underWay === 0) this.#silentSince = now
    this.#inFlight++
    if (isReplay) this.#replaysInFlight++
  }

  /**
   * An attempt that was not the receiver's doing ended: only the place is given back.
   * @param startedAt ms since the epoch; unset: it was not begun after all
   */
  abandoned(isReplay = false, startedAt = Infinity): void {
    this.#inFlight--
    if (isReplay) this.#replaysInFlight--
    if (startedAt < this.#probedSince) this.#inFlightBefore--
    // One that was begun in the very moment of the change counts for the new receiver.
    this.#inFlightBefore = Math.max(0, Math.min(this.#inFlightBefore, this.#inFlight))
  }

  settled(attempt: SettledAttempt, now: number): void {
    const { deliveryId, outcome, startedAt, latencyMs, isReplay, isUnreached = false } = attempt
    this.abandoned(isReplay, startedAt)
    // It was under way to the receiver of before, and says nothing about this one.
    if (startedAt < this.#probedSince) return
    this.#silentSince = now
    this.#wasUnanswered = isUnanswered(outcome)
    this.#wasUnreached = isUnreached
    this.#latencyMs += LATENCY_WEIGHT * (Math.max(1, latencyMs) - this.#latencyMs)
    if (outcome.kind === 'succeeded') {
      this.#lastSuccessAt = now
      this.#failedSinceSuccess = false
      this.#mustProbe = false
      this.cap.succeeded(latencyMs, this.#queued + this.#queuedReplays > 0, now)
      this.circuit.succeeded(this.cap.limit)
      return
    }
    this.#failedSinceSuccess = true
    this.circuit.failed(deliveryId, now, startedAt)
    if (isOverload(outcome)) this.cap.overloaded(startedAt, now)
    if (outcome.kind === 'failed' && outcome.retryAfterMs !== undefined) {
      // Without the bound one header would silence a webhook for good, and no streak would ever grow to disable it.
      this.pause(now + Math.min(outcome.retryAfterMs, this.tiers.longestMs))
    }
  }

  #isSilent(now: number): boolean {
    const patience = Math.max(SILENT_AFTER_MS, SILENT_AFTER_LATENCIES * this.#latencyMs)
    return this.#underWay > 0 && now - this.#silentSince > patience
  }

  get #underWay(): number {
    return this.#inFlight - this.#inFlightBefore
  }

  #limit(now: number): number {
    const most = this.#mustProbe ? 1 : this.cap.limit
    return this.unfinished < NEVER_PUT_OFF_BELOW ? most : Math.min(most, this.circuit.limit(now))
  }

  #blockedUntil(now: number, unfinished = this.unfinished): number {
    const circuit = unfinished < NEVER_PUT_OFF_BELOW ? now : this.circuit.opensToAttemptsAt(now)
    return Math.max(now, this.#pausedUntil, circuit)
  }

  /**
   * The next free moment of the lane: after its queue and after everything that was put off before. Each promise
   * moves the horizon by one delivery's time, so that what was put off returns at the pace that the lane works at.
   */
  #promise(blockedUntil: number): number {
    const perDelivery = 1_000 / this.ratePerSecond
    const afterQueue = blockedUntil + (this.#queued + this.#inFlight) * perDelivery
    // The horizon may be of a time when the receiver hung: at the pace of now everything is done by then.
    const afterAll = afterQueue + this.#deferred * perDelivery
    this.#horizon = Math.min(Math.max(this.#horizon, afterQueue), afterAll) + perDelivery
    return this.#horizon
  }
}

function isUnanswered(outcome: AttemptOutcome): boolean {
  return outcome.kind === 'failed' && (outcome.reason === 'timeout' || outcome.reason === 'connection_lost')
}

function isOverload(outcome: AttemptOutcome): boolean {
  if (isUnanswered(outcome)) return true
  if (outcome.kind !== 'failed') return false
  return outcome.reason === 'connect' || outcome.status === 429 || outcome.status === 503
}
