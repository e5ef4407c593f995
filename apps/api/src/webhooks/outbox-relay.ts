import { setTimeout as sleep } from 'node:timers/promises'
import { Inject, Injectable } from '@nestjs/common'
import type { DeliverableWebhook, WebhookChange } from '#domain'
import { OutboxStore } from '#postgres'
import { Gauge, LOGGER, type Logger, Registry } from '#telemetry'
import { WebhookChangesTopic } from './webhook-changes-topic.js'

/** Picks up what a replica left behind that died between its commit and its pass. Ms. */
const BACKGROUND_EVERY_MS = 1_000
/** How soon a waiter looks again while another replica publishes, or after a pass failed. Ms. */
const LOOK_AGAIN_MS = 25

/**
 * Publishes the outbox to `webhook-changes`, in commit order, one replica at a time. Every write asks for a pass of
 * its own; those that arrive while one runs share the next.
 */
@Injectable()
export class OutboxRelay {
  #running: Promise<PassResult> | undefined
  #next: Promise<PassResult> | undefined
  #timer: NodeJS.Timeout | undefined
  #failing = false
  readonly #pending: Gauge

  constructor(
    private readonly outbox: OutboxStore,
    private readonly changes: WebhookChangesTopic,
    @Inject(LOGGER) private readonly logger: Logger,
    registry: Registry,
  ) {
    this.#pending = new Gauge({
      name: 'webhooks_outbox_pending',
      help: 'Changes of configuration that the last pass found and Kafka has not acknowledged, at most 500.',
      registers: [registry],
    })
  }

  start(): void {
    this.#timer ??= setInterval(() => void this.#pass(), BACKGROUND_EVERY_MS)
  }

  /** A change was committed and nobody waits for it: it is published now and not with the next round. */
  wake(): void {
    void this.#pass()
  }

  /** Lets a pass that runs finish. Rows that are left are published by the next process, here or elsewhere. */
  async stop(): Promise<void> {
    clearInterval(this.#timer)
    await this.#next
    await this.#running
  }

  /**
   * Waits until the log has acknowledged a change that was committed before this call.
   *
   * @param deadline ms since the epoch
   * @returns whether it has in time; a false says nothing about what still comes
   */
  async isConfirmed(outboxId: number, deadline: number): Promise<boolean> {
    for (;;) {
      const result = await atMostUntil(deadline, this.#pass())
      if (result === 'done') return true
      // Another replica may be publishing this very row.
      if (result === 'busy' && (await this.#isPublished(outboxId))) return true
      if (Date.now() + LOOK_AGAIN_MS >= deadline) return false
      await sleep(LOOK_AGAIN_MS)
    }
  }

  /** A pass that begins after this call, never one that may already have read the outbox. */
  #pass(): Promise<PassResult> {
    if (!this.#running) return this.#begin()
    this.#next ??= this.#running.then(() => {
      this.#next = undefined
      return this.#begin()
    })
    return this.#next
  }

  #begin(): Promise<PassResult> {
    this.#running = this.#publish().finally(() => (this.#running = undefined))
    return this.#running
  }

  async #publish(): Promise<PassResult> {
    try {
      const result = await this.outbox.publishPending((changes) => this.#publishBatch(changes))
      if (this.#failing) this.logger.info({}, 'webhook changes are published again')
      this.#failing = false
      return result
    } catch (error) {
      // Kafka or Postgres is away: said once, tried again every second, shown by webhooks_outbox_pending.
      if (!this.#failing) this.logger.error({ err: error }, 'webhook changes cannot be published')
      this.#failing = true
      return 'failed'
    }
  }

  async #publishBatch(changes: WebhookChange<DeliverableWebhook>[]): Promise<void> {
    this.#pending.set(changes.length)
    await this.changes.publish(changes)
    this.#pending.set(0)
  }

  async #isPublished(outboxId: number): Promise<boolean> {
    try {
      return await this.outbox.isPublished(outboxId)
    } catch (error) {
      this.logger.debug({ err: error }, 'could not ask whether a webhook change was published')
      return false
    }
  }
}

type PassResult = 'done' | 'busy' | 'failed'

async function atMostUntil<T>(deadline: number, work: Promise<T>): Promise<T | 'late'> {
  const abort = new AbortController()
  const late = sleep(Math.max(0, deadline - Date.now()), 'late' as const, { signal: abort.signal }).catch(
    () => 'late' as const,
  )
  try {
    return await Promise.race([work, late])
  } finally {
    abort.abort()
  }
}
