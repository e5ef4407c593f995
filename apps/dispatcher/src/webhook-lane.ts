import { Lane, type Streak } from '#domain'
import { Fifo } from './fifo.js'
import { SecretChoice } from './secret-choice.js'
import { WebhookHealth } from './webhook-health.js'
import type { Work } from './work.js'

/** A webhook's lane with what it holds: what waited before goes ahead of what is new. */
export class WebhookLane {
  readonly state: Lane
  readonly health: WebhookHealth
  readonly secretChoice = new SecretChoice()
  /** Back from a tier: a retry, or put off before. */
  readonly #returned = new Fifo<Work>()
  readonly #fresh = new Fifo<Work>()
  /** In the round of lanes that may start something; a lane is in it once. */
  isReady = false
  /** Waits for the view of the webhooks to catch up: nothing starts meanwhile. */
  isBehind = false

  constructor(
    readonly webhookId: string,
    shortestTierMs: number,
    streak: Streak | null = null,
  ) {
    this.state = new Lane(shortestTierMs, Date.now())
    this.health = new WebhookHealth(streak)
  }

  isForgettable(now: number): boolean {
    return !this.isReady && !this.isBehind && !this.health.isFailing && this.state.isForgettable(now)
  }

  enqueue(work: Work): void {
    const queue = isReturning(work) ? this.#returned : this.#fresh
    queue.push(work)
    this.state.enqueued()
  }

  /** Takes the next one to attempt; the lane's state counts it as under way from here. */
  startNext(): Work | undefined {
    const work = this.#returned.shift() ?? this.#fresh.shift()
    if (work) this.state.started()
    return work
  }

  /** Puts back what could not be started after all, where it was. */
  putBack(work: Work): void {
    this.state.abandoned()
    const queue = isReturning(work) ? this.#returned : this.#fresh
    queue.unshift(work)
    this.state.enqueued()
  }

  /** Takes out the newest, to be put off in favour of one that waited before; only what is new can be displaced. */
  displaceNewest(): Work | undefined {
    const work = this.#fresh.pop()
    if (work) this.state.dequeued()
    return work
  }

  /** Gives back what the lane must not hold any longer, newest first. */
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
    const taken = [...this.#returned.removeWhere(matches), ...this.#fresh.removeWhere(matches)]
    for (const _ of taken) this.state.dequeued()
    return taken
  }
}

export function isReturning({ delivery }: Work): boolean {
  return delivery.notBefore !== null
}
