import { setTimeout as sleep } from 'node:timers/promises'
import { Inject, Injectable } from '@nestjs/common'
import type { ApiConfig } from '#config'
import { TokenBucket } from '#domain'
import { type ReplayRow, type SentMark, ReplayStore, type WebhookRow, WebhookStore } from '#postgres'
import { LOGGER, type Logger } from '#telemetry'
import { ReadModelProgress } from '../deliveries/read-model-progress.js'
import { API_CONFIG } from '../infrastructure/injection-tokens.js'
import { keptMs } from './replay-range.js'
import { ReplaySender } from './replay-sender.js'
import { isFarAhead, withPage } from './sent-ahead.js'

/**
 * What is planned at once, and what a crash repeats at most: a second's worth, and never more than this. Each page
 * is two commits and five statements: smaller ones made the live traffic beside it slower.
 */
const MOST_PER_PAGE = 500
/** What may be made up for at once after a slow moment, such as between two pages. Seconds of the replay's rate. */
const MADE_UP_FOR_S = 0.25
const LOOK_AGAIN_MS = 250
/** With its receiver so long behind a replay gives its place to another one, for as long. Ms. */
const REST_MS = 5_000

const DELETED = 'The webhook was deleted.'
const DISABLED = 'The webhook was disabled: enable it, then resume the replay. What was cancelled meanwhile is missed.'

/** What this process knows of a replay while it runs it. */
interface Run {
  bucket: TokenBucket
  /** When it began to wait for the receiver. Ms since the epoch. */
  waitsSince: number | undefined
}

/** One replay, step by step. Between any two steps the process may die: all that counts is in Postgres and the log. */
@Injectable()
export class ReplayRun {
  constructor(
    private readonly store: ReplayStore,
    private readonly webhooks: WebhookStore,
    private readonly progress: ReadModelProgress,
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
      run ??= { bucket: bucketFor(replay), waitsSince: undefined }
      const goesOn = await this.#step(holder, replay, run, stopping)
      if (!goesOn) return
    }
  }

  /** @returns whether there is another step */
  async #step(holder: string, replay: ReplayRow, run: Run, stopping: AbortSignal): Promise<boolean> {
    const { id, state, page } = replay
    const limit = Math.min(MOST_PER_PAGE, replay.ratePerSecond)
    const isWanted = state === 'waiting' || state === 'running'
    const webhook = page || isWanted ? await this.webhooks.find(replay.accountId, replay.webhookId) : null
    if (page) {
      const sent = await this.sender.send(replay, page, webhook?.version ?? 0, run.bucket)
      await this.store.pageSent(holder, id, page, sent.sent, withPage(replay.ahead, sent, limit))
      return true
    }
    if (!isWanted) return false
    if (await this.#isHalted(holder, replay, webhook)) return false
    if (state === 'waiting') return this.#start(holder, replay, stopping)
    const notBefore = Date.now() - keptMs(this.config)
    const ahead = await this.#stillAhead(replay, limit, notBefore)
    if (isFarAhead(ahead, limit, replay.ratePerSecond)) return this.#awaitReceiver(holder, replay, run, stopping)
    run.waitsSince = undefined
    await this.store.plan(holder, id, limit, notBefore, ahead)
    return true
  }

  /** What of it is not known to be answered, as far as it matters. */
  async #stillAhead({ webhookId, ratePerSecond, ahead }: ReplayRow, limit: number, notBefore: number) {
    let left: SentMark[] = ahead
    while (isFarAhead(left, limit, ratePerSecond)) {
      const oldest = left[0]!
      // What is no longer kept has no row to wait for.
      const isKept = oldest.acceptedAt >= notBefore
      if (isKept && !(await this.store.wasStarted(webhookId, oldest))) break
      left = left.slice(1)
    }
    return left
  }

  /** @returns whether to look again; else it rests, and whoever has a place for it then goes on */
  async #awaitReceiver(holder: string, { id }: ReplayRow, run: Run, stopping: AbortSignal): Promise<boolean> {
    run.waitsSince ??= Date.now()
    if (Date.now() - run.waitsSince > REST_MS) {
      await this.store.rest(holder, id, REST_MS)
      return false
    }
    await lookAgain(stopping)
    return true
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
    if (!(await this.progress.isPast(replay.logEnds, stopping))) {
      await lookAgain(stopping)
      return true
    }
    const { count: matched, isAll } = await this.store.count(replay, () => stopping.aborted)
    // Whoever goes on with it counts anew: this may take minutes, and a stop has seconds.
    if (!isAll) return false
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
