import { setTimeout as sleep } from 'node:timers/promises'
import { Inject, Injectable } from '@nestjs/common'
import type { ApiConfig } from '#config'
import { TokenBucket } from '#domain'
import { type PlannedDelivery, type ReplayRow, ReplayStore, type WebhookRow, WebhookStore } from '#postgres'
import { LOGGER, type Logger } from '#telemetry'
import { API_CONFIG } from '../infrastructure/injection-tokens.js'
import { ReadModelMark } from './read-model-mark.js'
import { keptMs } from './replay-range.js'
import { ReplaySender } from './replay-sender.js'

/**
 * What is planned at once, and what a crash repeats at most: a second's worth, and never more than this. Each page
 * is two commits and five statements: smaller ones made the live traffic beside it slower.
 */
const MOST_PER_PAGE = 500
/** What may be made up for at once after a slow moment, such as between two pages. Seconds of the replay's rate. */
const MADE_UP_FOR_S = 0.25
/**
 * How far what is sent may be ahead of what the receiver was asked to take. Seconds of the replay's rate: what a pause
 * or the end of the replay leaves to come, and what stands in the topic before another webhook's replay.
 */
const AHEAD_S = 2
const LOOK_AGAIN_MS = 250

const DELETED = 'The webhook was deleted.'
const DISABLED = 'The webhook was disabled: enable it, then resume the replay. What was cancelled meanwhile is missed.'

/** What this process knows of a replay that it runs, and may forget. */
interface Run {
  bucket: TokenBucket
  /** The last delivery of each page that may not have been started yet, oldest first. */
  ahead: PlannedDelivery[]
}

/** One replay, step by step. Between any two steps the process may die: all that counts is in Postgres and the log. */
@Injectable()
export class ReplayRun {
  constructor(
    private readonly store: ReplayStore,
    private readonly webhooks: WebhookStore,
    private readonly mark: ReadModelMark,
    private readonly sender: ReplaySender,
    @Inject(API_CONFIG) private readonly config: Pick<ApiConfig, 'topics'>,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /**
   * Goes on until there is nothing to do, the replay is in other hands, or `stopping`.
   * @throws when Postgres or Kafka is away; calling it again goes on
   */
  async go(holder: string, id: string, stopping: AbortSignal): Promise<void> {
    let run: Run | undefined
    while (!stopping.aborted) {
      const replay = await this.store.held(holder, id)
      if (!replay) return
      run ??= { bucket: bucketFor(replay), ahead: [] }
      const goesOn = await this.#step(holder, replay, run, stopping)
      if (!goesOn) return
    }
  }

  /** @returns whether there is another step */
  async #step(holder: string, replay: ReplayRow, run: Run, stopping: AbortSignal): Promise<boolean> {
    const { id, state, page } = replay
    const isWanted = state === 'waiting' || state === 'running'
    const webhook = page || isWanted ? await this.webhooks.find(replay.accountId, replay.webhookId) : null
    if (page) {
      const { sent, last } = await this.sender.send(replay, page, webhook?.version ?? 0, run.bucket)
      if (last) run.ahead.push(last)
      await this.store.pageSent(holder, id, page, sent)
      return true
    }
    if (!isWanted) return false
    if (await this.#isHalted(holder, replay, webhook)) return false
    if (state === 'waiting') return this.#start(holder, replay, stopping)
    const limit = Math.min(MOST_PER_PAGE, replay.ratePerSecond)
    const notBefore = Date.now() - keptMs(this.config)
    if (await this.#isFarAhead(replay, run, limit, notBefore)) await lookAgain(stopping)
    else await this.store.plan(holder, id, limit, notBefore)
    return true
  }

  /** Whether the receiver has yet to be asked to take what was sent. A lane starts a replay's deliveries in their order. */
  async #isFarAhead({ webhookId, ratePerSecond }: ReplayRow, { ahead }: Run, limit: number, notBefore: number) {
    const most = Math.ceil((ratePerSecond * AHEAD_S) / limit)
    while (ahead.length >= most) {
      const oldest = ahead[0]!
      // What is no longer kept has no row to wait for.
      const isKept = oldest.acceptedAt >= notBefore
      if (isKept && !(await this.store.wasStarted(webhookId, oldest))) return true
      ahead.shift()
    }
    return false
  }

  async #isHalted(holder: string, { id }: ReplayRow, webhook: WebhookRow | null): Promise<boolean> {
    if (webhook && webhook.state !== 'disabled') return false
    if (webhook) await this.store.halt(holder, id, 'paused', DISABLED)
    else await this.store.halt(holder, id, 'cancelled', DELETED)
    this.logger.info({ stage: 'replay.halt', replayId: id, isDeleted: !webhook }, 'a replay was halted')
    return true
  }

  /** Only when everything is recorded that was in the log before: else what is on its way would seem to be missed. */
  async #start(holder: string, replay: ReplayRow, stopping: AbortSignal): Promise<boolean> {
    if (!(await this.mark.isPast(replay.logEnds))) {
      await lookAgain(stopping)
      return true
    }
    const matched = await this.store.count(replay)
    await this.store.started(holder, replay.id, matched)
    this.logger.info({ stage: 'replay.start', replayId: replay.id, matched }, 'a replay starts')
    return true
  }
}

/** Sooner when the process stops. */
async function lookAgain(stopping: AbortSignal): Promise<void> {
  await sleep(LOOK_AGAIN_MS, undefined, { signal: stopping }).catch(() => undefined)
}

function bucketFor({ ratePerSecond }: ReplayRow): TokenBucket {
  return new TokenBucket(ratePerSecond, Math.ceil(ratePerSecond * MADE_UP_FOR_S), Date.now())
}
