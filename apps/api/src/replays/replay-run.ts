import { setTimeout as sleep } from 'node:timers/promises'
import { Inject, Injectable } from '@nestjs/common'
import type { ApiConfig } from '#config'
import { TokenBucket } from '#domain'
import { type ReplayRow, ReplayStore, type WebhookRow, WebhookStore } from '#postgres'
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
const LOOK_AGAIN_MS = 250

const DELETED = 'The webhook was deleted.'
const DISABLED = 'The webhook was disabled: enable it, then resume the replay. What was cancelled meanwhile is missed.'

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
    let bucket: TokenBucket | undefined
    while (!stopping.aborted) {
      const replay = await this.store.held(holder, id)
      if (!replay) return
      bucket ??= bucketFor(replay)
      const goesOn = await this.#step(holder, replay, bucket, stopping)
      if (!goesOn) return
    }
  }

  /** @returns whether there is another step */
  async #step(holder: string, replay: ReplayRow, bucket: TokenBucket, stopping: AbortSignal): Promise<boolean> {
    const { id, state, page } = replay
    const isWanted = state === 'waiting' || state === 'running'
    const webhook = page || isWanted ? await this.webhooks.find(replay.accountId, replay.webhookId) : null
    if (page) {
      const sent = await this.sender.send(replay, page, webhook?.version ?? 0, bucket)
      await this.store.pageSent(holder, id, page, sent)
      return true
    }
    if (!isWanted) return false
    if (await this.#isHalted(holder, replay, webhook)) return false
    if (state === 'waiting') return this.#start(holder, replay, stopping)
    const limit = Math.min(MOST_PER_PAGE, replay.ratePerSecond)
    await this.store.plan(holder, id, limit, Date.now() - keptMs(this.config))
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
    if (!(await this.mark.isPast(replay.logEnds))) {
      await sleep(LOOK_AGAIN_MS, undefined, { signal: stopping }).catch(() => undefined)
      return true
    }
    const matched = await this.store.count(replay)
    await this.store.started(holder, replay.id, matched)
    this.logger.info({ stage: 'replay.start', replayId: replay.id, matched }, 'a replay starts')
    return true
  }
}

function bucketFor({ ratePerSecond }: ReplayRow): TokenBucket {
  return new TokenBucket(ratePerSecond, Math.ceil(ratePerSecond * MADE_UP_FOR_S), Date.now())
}
