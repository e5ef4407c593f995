import { CHAIN_BEGINNING, type Delivery } from '#domain'
import { LEFT_BEHIND, topics } from './pretend-log.testing.js'
import { manners } from './receivers.testing.js'
import type { Simulation } from './simulation.testing.js'

/** A person asks again for what came lately. */
const RECENT = 60
const MOST_DISPATCHERS = 3
const LEAST_WEBHOOKS = 5

/** What may happen in a minute and a half, in an order and at times that the seed decides. */
export class RandomDay {
  readonly #known: Delivery[] = []
  readonly #happenings: readonly (readonly [weight: number, happen: () => void])[]

  constructor(
    private readonly simulation: Simulation,
    { withRebalances, withKills = false }: { withRebalances: boolean; withKills?: boolean },
  ) {
    this.#happenings = [
      [350, () => this.#deliver()],
      [150, () => this.#receiverChanges()],
      [60, () => this.#webhookChanges()],
      [5, () => this.#webhookIsDeleted()],
      [100, () => this.#redeliver()],
      [80, () => this.#replay()],
      [20, () => this.#test()],
      [20, () => this.#deliverFromBefore()],
      [10, () => (simulation.writing.awayUntil = this.#inMs(500, 8_000))],
      [10, () => (simulation.chance.oneOf(simulation.running).webhooks.lagsUntil = this.#inMs(500, 9_000))],
      [10, () => (simulation.readModel.awayUntil = this.#inMs(500, 6_000))],
      ...(withRebalances ? this.#hitTheGroup() : []),
      ...(withKills ? [[15, () => this.#kill()] as const] : []),
      [165, () => {}],
    ]
  }

  async run(ms: number): Promise<void> {
    const { simulation } = this
    const all = this.#happenings.reduce((sum, [weight]) => sum + weight, 0)
    for (const until = Date.now() + ms; Date.now() < until;) {
      await simulation.pass(simulation.chance.from(20, 600))
      let at = simulation.chance.from(0, all - 1)
      this.#happenings.find(([weight]) => (at -= weight) < 0)![1]()
    }
  }

  #hitTheGroup(): (readonly [number, () => void])[] {
    const { chance } = this.simulation
    const one = () => chance.oneOf(this.simulation.running).kafka
    return [
      [20, () => this.#comeOrGo()],
      [10, () => (one().nextSyncMs = chance.from(500, 6_000))],
      [5, () => one().crash()],
    ]
  }

  #deliver(): void {
    const { chance, webhookIds } = this.simulation
    const mostly = chance.oneOf(webhookIds)
    const count = chance.in100(10) ? chance.from(50, 300) : chance.from(1, 8)
    for (let one = 0; one < count; one++) {
      const webhookId = chance.in100(70) ? mostly : chance.oneOf(webhookIds)
      if (!this.simulation.api.webhooks.get(webhookId)?.isActive) continue
      const delivery = this.#remember(this.#new(webhookId))
      // Fan-out may run twice.
      for (let times = chance.in100(2) ? 2 : 1; times > 0; times--) this.simulation.offer(delivery)
    }
  }

  #receiverChanges(): void {
    const { chance, receivers, webhookIds } = this.simulation
    receivers.become(chance.oneOf(webhookIds), chance.oneOf(manners))
  }

  #webhookChanges(): void {
    const { chance, api, webhookIds } = this.simulation
    const id = chance.oneOf(webhookIds)
    const elsewhere = { url: `https://${id}/${chance.from(1, 9)}` }
    api.change(id, chance.oneOf([{ isActive: false }, { isActive: true }, elsewhere, {}]))
  }

  #webhookIsDeleted(): void {
    const { chance, api } = this.simulation
    const existing = [...api.webhooks.keys()]
    if (existing.length > LEAST_WEBHOOKS) api.delete(chance.oneOf(existing))
  }

  #redeliver(): void {
    const recent = this.#known.slice(-RECENT)
    if (recent.length > 0) this.#again(this.simulation.chance.oneOf(recent), 'redelivery', topics.deliveries)
  }

  #replay(): void {
    const { chance, readModel } = this.simulation
    if (this.#known.length === 0) return
    for (let count = chance.from(1, 40); count > 0; count--) {
      const delivery = chance.oneOf(this.#known)
      const hasEnded = readModel.ends.has(`${delivery.id}/${readModel.newestChain(delivery.id)}`)
      if (hasEnded) this.#again(delivery, 'replay', topics.replay)
    }
  }

  #again(delivery: Delivery, trigger: 'redelivery' | 'replay', topic: string): void {
    const webhook = this.simulation.api.webhooks.get(delivery.webhookId)
    if (!webhook) return
    const chain = this.simulation.readModel.askAgain(delivery)
    const webhookVersion = webhook.version
    this.simulation.offer({ ...delivery, ...CHAIN_BEGINNING, chain, trigger, webhookVersion }, topic)
  }

  #test(): void {
    const { chance, api } = this.simulation
    this.simulation.offer(this.#new(chance.oneOf([...api.webhooks.keys()]), { trigger: 'test' }))
  }

  /** Left behind in a tier of an earlier schedule. */
  #deliverFromBefore(): void {
    const { chance, api } = this.simulation
    const now = Date.now()
    const waiting = {
      attempt: chance.from(2, 6),
      notBefore: now + chance.from(0, 15_000),
      chainStartedAt: now - 5_000,
    }
    const webhookId = chance.oneOf([...api.webhooks.keys()])
    this.simulation.offer(this.#remember(this.#new(webhookId, waiting)), LEFT_BEHIND)
  }

  #comeOrGo(): void {
    const { chance, running } = this.simulation
    if (running.length < MOST_DISPATCHERS) this.simulation.start()
    else void chance.oneOf(running).stop()
  }

  /** Somebody else must be there: the group notices only after its session, and a new one takes its place meanwhile. */
  #kill(): void {
    const { chance, running } = this.simulation
    const members = running.filter(({ kafka }) => kafka.memberId !== undefined)
    if (members.length === 0) return
    chance.oneOf(members).kill()
    this.simulation.start()
  }

  #new(webhookId: string, changes: Partial<Delivery> = {}): Delivery {
    const body = Buffer.alloc(this.simulation.chance.from(10, 2_000), 97)
    return this.simulation.newDelivery(webhookId, { body, ...changes })
  }

  #remember(delivery: Delivery): Delivery {
    this.#known.push(delivery)
    return delivery
  }

  #inMs(least: number, most: number): number {
    return Date.now() + this.simulation.chance.from(least, most)
  }
}
