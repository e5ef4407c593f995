import { randomUUID } from 'node:crypto'
import { type BeforeApplicationShutdown, Inject, Injectable, type OnApplicationBootstrap } from '@nestjs/common'
import type { ApiConfig } from '#config'
import { ReplayStore } from '#postgres'
import { LOGGER, type Logger } from '#telemetry'
import { FailingLog } from '../infrastructure/failing-log.js'
import { API_CONFIG } from '../infrastructure/injection-tokens.js'
import { RepeatingTask } from '../infrastructure/repeating-task.js'
import { ReplayRun } from './replay-run.js'

/** Holds what this replica runs, and looks for more: well within the ten seconds that a silent replica keeps. Ms. */
const CLAIM_EVERY_MS = 1_000
/** For replays of 50 a second and more; slower ones take a part of one. The rest waits, or runs on another replica. */
const PLACES = 10
const FORGET_EVERY_MS = 3_600_000

/** Runs the replays that no other replica runs. */
@Injectable()
export class ReplayRunner implements OnApplicationBootstrap, BeforeApplicationShutdown {
  /** Of this process alone: after a crash nobody takes the new one for the old. */
  readonly #holder = randomUUID()
  readonly #running = new Map<string, Promise<void>>()
  readonly #stopping = new AbortController()
  readonly #claiming = new RepeatingTask(
    () => this.#claim(),
    CLAIM_EVERY_MS,
    (error) => this.#failing.failed(error),
  )
  readonly #forgetting = new RepeatingTask(
    () => this.#forget(),
    FORGET_EVERY_MS,
    (error) => this.#keeping.failed(error),
  )
  readonly #failing: FailingLog
  readonly #keeping: FailingLog

  constructor(
    private readonly store: ReplayStore,
    private readonly run: ReplayRun,
    @Inject(API_CONFIG) private readonly config: Pick<ApiConfig, 'topics'>,
    @Inject(LOGGER) logger: Logger,
  ) {
    this.#failing = new FailingLog(logger, 'error', 'replays cannot go on; trying again', 'replays go on again')
    const kept = 'ended replays could not be forgotten; trying again'
    this.#keeping = new FailingLog(logger, 'warn', kept, 'ended replays are forgotten again')
  }

  onApplicationBootstrap(): void {
    this.#claiming.start()
    this.#forgetting.start()
  }

  /** A replay was asked for, or may go on. */
  wake(): void {
    this.#claiming.wake()
  }

  /** What is being sent is sent; then another replica may go on at once. */
  async beforeApplicationShutdown(): Promise<void> {
    this.#stopping.abort()
    await Promise.all([this.#claiming.stop(), this.#forgetting.stop()])
    await Promise.all(this.#running.values())
    // When this fails, the others wait for ten seconds.
    await this.store.release(this.#holder).catch((error: unknown) => this.#failing.failed(error))
  }

  async #claim(): Promise<void> {
    for (const id of await this.store.claim(this.#holder, PLACES)) {
      if (this.#running.has(id) || this.#stopping.signal.aborted) continue
      this.#running.set(id, this.#runOne(id))
    }
    if (this.#running.size === 0) this.#failing.succeeded()
  }

  /** Never rejects: what failed is claimed again with the next look. */
  async #runOne(id: string): Promise<void> {
    try {
      await this.run.go(this.#holder, id, this.#stopping.signal)
      this.#failing.succeeded()
    } catch (error) {
      // What a stop has broken off has not failed.
      if (!this.#stopping.signal.aborted) this.#failing.failed(error)
    } finally {
      this.#running.delete(id)
    }
  }

  async #forget(): Promise<void> {
    await this.store.forgetEnded(this.config.topics.deliveryRetentionMs)
    this.#keeping.succeeded()
  }
}
