import {
  type CommandedWebhook,
  type DisableRule,
  type DisableVerdict,
  type DisableWebhook,
  type ObservedHealth,
  verdictOn,
} from '#domain'
import type { EntityManager } from 'typeorm'
import { announceChange, takeConfigurationTurn } from '../configuration/webhook-change.js'
import type { Database } from '../database.js'
import { Webhook } from '../entities/webhook.js'
import { addNotification } from './add-notification.js'
import { HEALTH_COLUMNS, type HealthColumns, recordOf } from './health-row.js'
import { BLANK, runningStreak } from './streak-record.js'

/** Follows the dispatcher's commands, by compare-and-set on the version that they name. */
export class DisableStore {
  constructor(
    private readonly database: Database,
    private readonly rule: DisableRule,
  ) {}

  /**
   * Judges and does what follows, in one transaction: the row, what the workers will learn, and the notification, which
   * is only left to be sent. Whatever the verdict, the lane that asked will see a newer version than its command's.
   * The same command any number of times is one disabling.
   */
  follow(command: DisableWebhook): Promise<DisableVerdict> {
    const { webhookId: id, accountId } = command
    return this.database.ormTransaction(async (manager) => {
      await takeConfigurationTurn(manager)
      const found = await manager.findOneBy(Webhook, { accountId, id })
      const verdict = verdictOn(command, found && asCommanded(found), await healthOf(manager, found), this.rule)
      if (!found || verdict === 'outdated') return verdict
      const version = Math.max(found.version, command.version) + 1
      const webhook: Webhook =
        verdict === 'disable'
          ? { ...found, state: 'disabled', disabledReason: command.reason, version, updatedAt: new Date() }
          : { ...found, version }
      await manager.update(Webhook, { accountId, id }, webhook)
      await announceChange(manager, webhook)
      if (verdict === 'disable') await notify(manager, webhook, command)
      return verdict
    })
  }
}

function asCommanded({ version, state, judgedFrom }: Webhook): CommandedWebhook {
  return { version, isActive: state === 'active', judgedFrom: judgedFrom.getTime() }
}

async function healthOf(manager: EntityManager, webhook: Webhook | null): Promise<ObservedHealth> {
  if (!webhook) return { lastSuccessAt: null, streak: null }
  const [row] = await manager.query<HealthColumns[]>(
    `select ${HEALTH_COLUMNS} from webhook_health h where h.webhook_id = $1`,
    [webhook.id],
  )
  const record = row ? recordOf(row) : BLANK
  return { lastSuccessAt: record.lastSuccessAt, streak: runningStreak(record, webhook.judgedFrom.getTime()) }
}

async function notify(manager: EntityManager, webhook: Webhook, { reason, evidence }: DisableWebhook): Promise<void> {
  const { failures, since, lastFailureAt, lastFailure } = evidence
  const streak = { failures, since, lastFailureAt, lastFailure }
  await addNotification(manager, 'disabled', webhook, { reason, streak }, { mail: true, event: true })
}
