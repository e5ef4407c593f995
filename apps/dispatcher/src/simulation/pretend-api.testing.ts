import type { DeliverableWebhook, DisableWebhook } from '#domain'
import type { Chance } from './chance.testing.js'
import { passed } from './pretend-clock.testing.js'

type Change = { webhookId: string; after: DeliverableWebhook | null }

/** The API as the dispatchers see it: owner of the webhooks, writer of their changes, reader of commands. */
export class PretendApi {
  readonly webhooks = new Map<string, DeliverableWebhook>()
  readonly changes: Change[] = []

  constructor(private readonly chance: Chance) {}

  create(webhookId: string): void {
    const webhook: DeliverableWebhook = {
      id: webhookId,
      accountId: 'acc_1',
      version: 1,
      events: ['context.updated'],
      isActive: true,
      createdAt: 0,
      url: `https://${webhookId}/0`,
      secrets: [],
    }
    this.#publish(webhookId, webhook)
  }

  /** Does nothing to one that was deleted. */
  change(webhookId: string, changes: Partial<DeliverableWebhook>): void {
    const before = this.webhooks.get(webhookId)
    if (before) this.#publish(webhookId, { ...before, ...changes, version: before.version + 1 })
  }

  delete(webhookId: string): void {
    this.webhooks.delete(webhookId)
    this.changes.push({ webhookId, after: null })
  }

  /** Of the version that the command is about; it may know better than to disable it, and says so with a new version. */
  async carryOut({ webhookId, version }: DisableWebhook): Promise<void> {
    await passed(this.chance.from(0, 1_000))
    if (this.webhooks.get(webhookId)?.version !== version) return
    this.change(webhookId, this.chance.in100(50) ? { isActive: false } : {})
  }

  #publish(webhookId: string, after: DeliverableWebhook): void {
    this.webhooks.set(webhookId, after)
    this.changes.push({ webhookId, after })
  }
}

/** One dispatcher's view of the webhooks: a snapshot, then the changes, some time after they are made. */
export class FollowedWebhooks {
  /** The changes come no sooner, ms since the epoch. */
  lagsUntil = 0
  readonly #view: Map<string, DeliverableWebhook>
  #applied: number
  #onChange: (before: DeliverableWebhook | undefined, after: DeliverableWebhook) => void = () => {}
  #onDelete: (webhookId: string) => void = () => {}

  constructor(
    private readonly api: PretendApi,
    private readonly chance: Chance,
  ) {
    this.#view = new Map(api.webhooks)
    this.#applied = api.changes.length
    void this.#follow()
  }

  onChange(listener: (before: DeliverableWebhook | undefined, after: DeliverableWebhook) => void): void {
    this.#onChange = listener
  }

  onDelete(listener: (webhookId: string) => void): void {
    this.#onDelete = listener
  }

  get(webhookId: string): DeliverableWebhook | undefined {
    return this.#view.get(webhookId)
  }

  async caughtUp(timeoutMs: number): Promise<void> {
    const end = this.api.changes.length
    const until = Date.now() + timeoutMs
    await passed(this.chance.from(1, 20))
    while (this.#applied < end) {
      if (Date.now() > until) throw new Error('the view lags')
      await passed(20)
    }
  }

  async #follow(): Promise<void> {
    for (;;) {
      await passed(this.chance.from(10, 150))
      if (this.lagsUntil > Date.now()) continue
      while (this.#applied < this.api.changes.length) this.#apply(this.api.changes[this.#applied++]!)
    }
  }

  #apply({ webhookId, after }: Change): void {
    const before = this.#view.get(webhookId)
    if (after) {
      this.#view.set(webhookId, after)
      this.#onChange(before, after)
    } else {
      this.#view.delete(webhookId)
      this.#onDelete(webhookId)
    }
  }
}
