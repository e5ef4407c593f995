import { vi } from 'vitest'
import type { Delivery } from '#domain'
import { aDelivery } from '../../../../libs/domain/src/builders.testing.js'
import { Chance } from './chance.testing.js'
import { SimulatedDispatcher } from './simulated-dispatcher.testing.js'
import { World } from './world.testing.js'

const WEBHOOKS = 8
/** Longer than any pause, tier or deadline of the simulation. Ms. */
const LONGEST_END_MS = 700_000
const QUIET_FOR_MS = 20_000

/** Dispatchers in their world, in a time that passes when it is told to. */
export class Simulation extends World {
  readonly dispatchers: SimulatedDispatcher[] = []
  readonly webhookIds = Array.from({ length: WEBHOOKS }, (_, index) => `whk_${index}`)
  #nextDelivery = 0

  constructor(
    seed: number,
    private readonly clock: { pass(ms: number): Promise<void> },
  ) {
    super(seed)
    const jitter = new Chance(seed + 1_000_000)
    vi.spyOn(Math, 'random').mockImplementation(() => jitter.next())
    for (const id of this.webhookIds) this.api.create(id)
  }

  get running(): SimulatedDispatcher[] {
    return this.dispatchers.filter(({ isStopping }) => !isStopping)
  }

  start(): SimulatedDispatcher {
    const dispatcher = new SimulatedDispatcher(this, this.dispatchers.length)
    this.dispatchers.push(dispatcher)
    return dispatcher
  }

  pass(ms: number): Promise<void> {
    return this.clock.pass(ms)
  }

  newDelivery(webhookId: string, changes: Partial<Delivery> = {}): Delivery {
    const number = this.#nextDelivery++
    return aDelivery({
      id: `dlv_${number}`,
      eventId: `evt_${number}`,
      webhookId,
      webhookVersion: this.api.webhooks.get(webhookId)?.version ?? 1,
      acceptedAt: Date.now(),
      ...changes,
    })
  }

  /** New deliveries, to all webhooks in turn. */
  offerToAll(count: number): void {
    for (let number = 0; number < count; number++) {
      this.offer(this.newDelivery(this.webhookIds[number % this.webhookIds.length]!))
    }
  }

  /** Everybody answers and nobody is disabled: what still waits must come to its end. */
  async calmDown(): Promise<void> {
    this.writing.awayUntil = 0
    for (const id of this.webhookIds) this.receivers.become(id, 'well')
    const until = Date.now() + LONGEST_END_MS
    for (let quietSince = Date.now(); Date.now() - quietSince < QUIET_FOR_MS && Date.now() < until;) {
      await this.pass(1_000)
      for (const { id, isActive } of this.api.webhooks.values()) if (!isActive) this.api.change(id, { isActive: true })
      const isQuiet = this.running.every(({ memory }) => memory.records === 0) && this.log.unfinished().length === 0
      if (!isQuiet) quietSince = Date.now()
    }
  }
}
