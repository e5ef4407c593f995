import { type DisableWebhook, newId } from '#domain'
import { AccountStore } from '../configuration/account-store.js'
import type { WebhookRow } from '../configuration/webhook-row.js'
import { WebhookStore } from '../configuration/webhook-store.js'
import { anAttemptRow } from '../read-models/builders.testing.js'
import { PartitionStore } from '../read-models/partition-store.js'
import type { AttemptedRow } from '../read-models/read-model-rows.js'
import { ReadModelWriter } from '../read-models/read-model-writer.js'
import type { Database } from '../database.js'

const DAY_MS = 86_400_000

/** An account with its webhooks and what becomes of them, on a database of the test's own. */
export class HealthyAccount {
  readonly webhooks: WebhookStore
  readonly #writer: ReadModelWriter

  private constructor(
    readonly database: Database,
    readonly id: string,
  ) {
    this.webhooks = new WebhookStore(database)
    const partitions = new PartitionStore(database, { eventsMs: 30 * DAY_MS, deliveriesMs: 30 * DAY_MS })
    this.#writer = new ReadModelWriter(database, partitions)
  }

  static async on(database: Database): Promise<HealthyAccount> {
    const id = newId('acc')
    await new AccountStore(database).create({ id, name: 'Acme', email: 'owner@example.com' })
    return new HealthyAccount(database, id)
  }

  async webhook(): Promise<WebhookRow> {
    const created = await this.webhooks.create(this.id, {
      id: newId('whk'),
      name: 'My Webhook',
      url: 'https://example.com/webhook',
      events: ['context.created'],
      sealedSecret: 'sealed',
    })
    return created.webhook
  }

  /** As the projector does with the attempts of one round. */
  async attempted(...attempts: AttemptedRow[]): Promise<void> {
    await this.#writer.write({ events: [], fanOuts: [], deliveries: [], attempts })
  }

  async find({ id }: Pick<WebhookRow, 'id'>): Promise<WebhookRow> {
    const found = await this.webhooks.find(this.id, id)
    if (!found) throw new Error(`no webhook ${id}`)
    return found
  }
}

let made = 0

/** A first attempt of a delivery of its own. `startedAt` in ms since the epoch. */
export function failedAt(webhookId: string, startedAt: number, change: Partial<AttemptedRow> = {}): AttemptedRow {
  const n = ++made
  return anAttemptRow({
    id: `atm_${n}`,
    deliveryId: `dlv_${n}`,
    webhookId,
    acceptedAt: Date.now(),
    startedAt,
    outcome: 'failed',
    reason: 'http_status',
    response: { status: 500, headers: {}, body: 'no' },
    ...change,
  })
}

export function succeededAt(webhookId: string, startedAt: number): AttemptedRow {
  const response = { status: 200, headers: {}, body: 'OK' }
  return failedAt(webhookId, startedAt, { outcome: 'succeeded', reason: null, response })
}

export function aCommand(
  webhook: Pick<WebhookRow, 'id' | 'accountId' | 'version'>,
  { since, ...change }: Partial<DisableWebhook> & { since: number },
): DisableWebhook {
  const { id, accountId, version } = webhook
  return {
    kind: 'disable_webhook',
    webhookId: id,
    accountId,
    version,
    reason: 'failing',
    at: since + 10,
    evidence: {
      failures: 12,
      since,
      lastFailureAt: since + 9,
      lastFailure: 'Your receiver answered 500; only a 2xx answer counts as delivered.',
      lastStatus: 500,
      deliveryId: 'dlv_1',
      eventId: 'evt_1',
    },
    ...change,
  }
}
