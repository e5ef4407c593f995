import { Inject, Injectable } from '@nestjs/common'
import type { ApiConfig } from '#config'
import { type ReplayCommand, newId } from '#domain'
import { type Counted, type ReplayFilter, type ReplayRow, ReplayStore, type WebhookRow, WebhookStore } from '#postgres'
import { LOGGER, type Logger } from '#telemetry'
import { notFound } from '../deliveries/not-found.js'
import { ReadModelProgress } from '../deliveries/read-model-progress.js'
import { Problem } from '../http/problem.js'
import { API_CONFIG } from '../infrastructure/injection-tokens.js'
import { CountTurns } from './count-turns.js'
import { keptMs, replayRange } from './replay-range.js'
import { ReplayRunner } from './replay-runner.js'
import type { ReplayRequest } from './replay-schemas.js'

/** How long a dry run waits for what has just happened to be recorded; a replay waits for it before it starts. Ms. */
const RECORDED_WITHIN_MS = 3_000

/**
 * Millions of events are counted for minutes. Whoever asks has gone by then, and others wait for their turn: what was counted
 * until now is the answer. Ms.
 */
const COUNTED_WITHIN_MS = 10_000

/** `id` is null for a dry run, of which nothing remains; what came in the last moments may be missing in its count. */
export type RequestedReplay = ({ id: string } | { id: null; isBehind: boolean }) & Counted

/** What people ask for: replays are counted, stored and commanded here; whichever replica holds one runs it. */
@Injectable()
export class Replays {
  readonly #countTurns = new CountTurns()

  constructor(
    private readonly store: ReplayStore,
    private readonly webhooks: WebhookStore,
    private readonly progress: ReadModelProgress,
    private readonly runner: ReplayRunner,
    @Inject(API_CONFIG) private readonly config: Pick<ApiConfig, 'topics'>,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /**
   * @throws {Problem} 404, 409 or 422 with what to do about it; 503 where the log cannot be asked how far it is
   */
  async request(accountId: string, webhookId: string, request: ReplayRequest): Promise<RequestedReplay> {
    const webhook = await this.webhooks.find(accountId, webhookId)
    if (!webhook) throw notFound('webhook')
    if (webhook.state === 'disabled') throw disabled(webhook, 'ask for the replay again')
    const createdAt = Date.now()
    const range = replayRange(request, keptMs(this.config), createdAt)
    const filter = { accountId, webhookId, choice: request.only, types: request.types ?? webhook.events, ...range }
    if (request.dry_run) {
      const isBehind = !(await this.#isAllRecorded())
      return { id: null, isBehind, ...(await this.#count(filter)) }
    }
    // The ends first: what is written while the rest is asked for may be in or not.
    const logEnds = await this.#logEnds()
    const counted = await this.#count(filter)
    const matched = counted.count
    const id = newId('rpl')
    const ratePerSecond = request.rate_per_second
    if (!(await this.store.create({ id, ...filter, ratePerSecond, logEnds, matched, createdAt }))) {
      throw new Problem(409, 'Too many replays', TOO_MANY)
    }
    const fields = { stage: 'replay.create', replayId: id, accountId, webhookId, only: filter.choice }
    this.logger.info({ ...fields, ...range, ratePerSecond, matched }, 'a replay was asked for')
    this.runner.wake()
    return { id, ...counted }
  }

  /** As far as the log is now. */
  async #isAllRecorded(): Promise<boolean> {
    try {
      return await this.progress.caughtUp(RECORDED_WITHIN_MS)
    } catch (error) {
      this.logger.warn({ err: error }, 'the log could not be asked where it ends: a dry run counts what is recorded')
      return false
    }
  }

  async #count(filter: ReplayFilter): Promise<Counted> {
    const counted = await this.#countTurns.take(filter.accountId, () => {
      const until = Date.now() + COUNTED_WITHIN_MS
      return this.store.count(filter, () => Date.now() >= until)
    })
    if (counted === null) throw new Problem(409, 'Too many at once', TOO_MANY_AT_ONCE)
    return counted
  }

  /** @throws {Problem} 404 */
  async find(accountId: string, id: string): Promise<ReplayRow> {
    const replay = await this.store.find(accountId, id)
    if (!replay) throw unknownReplay()
    return replay
  }

  /** @throws {Problem} 404, or 409 where the replay is in a state in which this means nothing */
  async command(accountId: string, id: string, command: ReplayCommand): Promise<ReplayRow> {
    if (command === 'resume') await this.#assertCallable(await this.find(accountId, id))
    const outcome = await this.store.command(accountId, id, command)
    if (!outcome) throw unknownReplay()
    const { replay, isFollowed } = outcome
    if (!isFollowed) throw new Problem(409, 'Wrong state', wrongState(replay, command))
    const fields = { stage: `replay.${command}`, replayId: id, accountId, webhookId: replay.webhookId }
    this.logger.info({ ...fields, state: replay.state, sent: replay.sent }, 'a replay was commanded')
    this.runner.wake()
    return replay
  }

  async #assertCallable({ accountId, webhookId, state }: ReplayRow): Promise<void> {
    if (state !== 'paused') return
    const webhook = await this.webhooks.find(accountId, webhookId)
    if (!webhook) throw new Problem(409, 'Webhook deleted', DELETED)
    if (webhook.state === 'disabled') throw disabled(webhook, 'resume the replay')
  }

  async #logEnds() {
    try {
      return await this.progress.ends()
    } catch (error) {
      this.logger.warn({ err: error }, 'the log could not be asked where it ends: a replay was refused')
      throw new Problem(503, 'Service Unavailable', NO_LOG, { headers: { 'retry-after': '5' } })
    }
  }
}

export function unknownReplay(): Problem {
  return new Problem(404, 'Not Found', 'There is no such replay in this account.')
}

const TOO_MANY_AT_ONCE =
  'The account has asked for five replays that are still being counted: wait for one of the answers, and ask again.'
const TOO_MANY =
  'The account has 20 replays that are not over, which is the most: wait for one, or cancel it. GET /v1/replays lists them.'
const DELETED = 'The webhook of this replay was deleted: create a new webhook and replay to it.'
const NO_LOG = 'The replay was not started: it cannot be found out at the moment how far the log is. Ask again soon.'

function disabled({ id }: WebhookRow, then: string): Problem {
  const how = `enable it with PATCH /v1/webhooks/${id} {"is_active": true}, then ${then}.`
  return new Problem(409, 'Webhook disabled', `The webhook is disabled: ${how}`)
}

function wrongState({ state }: ReplayRow, command: ReplayCommand): string {
  if (state === 'done') return `The replay is done: there is nothing left to ${command}.`
  if (state === 'cancelled') return `The replay was cancelled and stays so: ask for a new one instead.`
  return command === 'pause'
    ? 'The replay is paused already: POST …/resume lets it go on.'
    : `The replay is ${state}: only a paused one can be resumed.`
}
