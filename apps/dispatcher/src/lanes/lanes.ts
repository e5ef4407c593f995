import { Injectable } from '@nestjs/common'
import { BoundedMap, RetrySchedule } from '#domain'
import { KnownStreaks } from '../past/known-streaks.js'
import { WebhooksToCall } from '../webhooks/webhooks-to-call.js'
import { WorksInHand } from '../works-in-hand.js'
import { WebhookLane } from './webhook-lane.js'

const MOST_PROBED_FIRST = 10_000

/** The lanes of this process: one for each webhook that has something to do, or something against it. */
@Injectable()
export class Lanes {
  readonly #byWebhook = new Map<string, WebhookLane>()
  /** Enabled, or sent elsewhere, while they had no lane: their next delivery goes alone, like that of the others. */
  readonly #probedFirst = new BoundedMap<string, boolean>(MOST_PROBED_FIRST)

  constructor(
    private readonly inHand: WorksInHand,
    private readonly webhooks: WebhooksToCall,
    private readonly streaks: KnownStreaks,
    private readonly schedule: RetrySchedule,
  ) {}

  get size(): number {
    return this.#byWebhook.size
  }

  get all(): WebhookLane[] {
    return [...this.#byWebhook.values()]
  }

  get(webhookId: string): WebhookLane | undefined {
    return this.#byWebhook.get(webhookId)
  }

  /** The webhook's lane; a new one goes on with the streak that the read model knows. */
  of(webhookId: string): WebhookLane {
    let lane = this.#byWebhook.get(webhookId)
    if (!lane) {
      lane = new WebhookLane(webhookId, this.schedule, this.streaks.take(webhookId))
      if (this.#probedFirst.get(webhookId)) {
        this.#probedFirst.set(webhookId, false)
        lane.state.probeFirst(Date.now())
      }
      this.#byWebhook.set(webhookId, lane)
    }
    return lane
  }

  /** It has not been forgotten, nor left to another process, since somebody took hold of it. */
  isInUse(lane: WebhookLane): boolean {
    return this.#byWebhook.get(lane.webhookId) === lane && !lane.isLost
  }

  /** The next delivery goes alone, whether the webhook has a lane by now or not. */
  probeFirst(webhookId: string): void {
    const lane = this.#byWebhook.get(webhookId)
    if (lane) lane.state.probeFirst(Date.now())
    else this.#probedFirst.set(webhookId, true)
  }

  /** Forgets lanes that have nothing to do and nothing against them, or whose webhook was deleted. */
  forgetIdle(): void {
    const now = Date.now()
    for (const [webhookId, lane] of this.#byWebhook) {
      const isDeleted = lane.isIdle && !this.webhooks.get(webhookId)
      if (isDeleted || lane.isForgettable(now)) this.#byWebhook.delete(webhookId)
    }
  }

  /** Drops what belongs to partitions that another process owns now; it reads the same records itself. */
  dropLost(): void {
    for (const [webhookId, lane] of this.#byWebhook) {
      for (const work of lane.dropLost()) this.inHand.letGo(work)
      // What it knows grows old from here: when the webhook comes back, a new lane reads its streak from the read model.
      if (lane.isLost) this.#byWebhook.delete(webhookId)
    }
  }
}
