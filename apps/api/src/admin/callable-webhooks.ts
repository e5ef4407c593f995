import type { WebhookSnapshot } from '#postgres'

/** Why nothing is delivered to a webhook now. */
export type NotCallable = 'webhook_disabled' | 'webhook_deleted'

/** A long command hears of a webhook that was disabled meanwhile, and asks for all of them no more often. Ms. */
const FRESH_MS = 1_000

/**
 * Which webhooks the dispatcher would call. What is sent to any other is cancelled, and a redelivery used up for
 * nothing. Of whatever account: for operators only.
 */
export class CallableWebhooks {
  private isActive = new Map<string, boolean>()
  private looking: Promise<void> | undefined
  private lookedAt = 0

  constructor(
    private readonly snapshot: Pick<WebhookSnapshot, 'subscribed'>,
    private readonly now: () => number = Date.now,
  ) {}

  /** To be awaited before each round of questions; whoever comes meanwhile waits for the same answer. */
  look(): Promise<void> {
    if (!this.looking || this.now() - this.lookedAt >= FRESH_MS) {
      this.lookedAt = this.now()
      this.looking = this.read()
    }
    return this.looking
  }

  /** Null: it is called. */
  whyNot(id: string): NotCallable | null {
    const isActive = this.isActive.get(id)
    if (isActive === undefined) return 'webhook_deleted'
    return isActive ? null : 'webhook_disabled'
  }

  private async read(): Promise<void> {
    this.isActive = new Map((await this.snapshot.subscribed()).map(({ id, isActive }) => [id, isActive]))
  }
}

/** @throws Error for an id that neither a webhook nor any of its dead letters bears: most likely a slip */
export async function assertExists(webhook: string, webhooks: CallableWebhooks): Promise<void> {
  await webhooks.look()
  if (webhooks.whyNot(webhook) === 'webhook_deleted') {
    throw new Error(`There is no webhook ${webhook}, and no dead letter of one that was deleted.`)
  }
}
