import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common'
import type { ApiConfig } from '#config'
import { type ClaimedNotification, NotificationStore } from '#postgres'
import { LOGGER, type Logger } from '#telemetry'
import { FailingLog } from '../infrastructure/failing-log.js'
import { API_CONFIG } from '../infrastructure/injection-tokens.js'
import { RepeatingTask } from '../infrastructure/repeating-task.js'
import { Mailer, MailRefused } from './mailer.js'
import { nextTry } from './next-try.js'
import { notificationMail } from './notification-mail.js'
import { NotificationMetrics } from './notification-metrics.js'

/** What another replica left, and what was put off, is found this soon. Ms. */
const EVERY_MS = 5_000
/** Longer than the mail server may take: until then nobody else sends the same. Ms. */
const LEASE_MS = 60_000
/** An account whose mails are withheld all day is a line an hour in the log. Ms. */
const WARN_AGAIN_MS = 3_600_000

/** Sends what waits in the outbox of notifications, at least once each. Every replica may; each takes one at a time. */
@Injectable()
export class NotificationSender implements OnApplicationBootstrap, OnApplicationShutdown {
  readonly #task = new RepeatingTask(
    () => this.#sendAll(),
    EVERY_MS,
    (error) => this.#failing.failed(error),
  )
  /** When the log was last told of an account's withheld mails. Ms since the epoch. */
  readonly #warnedAt = new Map<string, number>()
  readonly #failing: FailingLog
  #isStopping = false

  constructor(
    private readonly store: NotificationStore,
    private readonly mailer: Mailer,
    private readonly metrics: NotificationMetrics,
    @Inject(API_CONFIG) private readonly config: Pick<ApiConfig, 'disable'>,
    @Inject(LOGGER) private readonly logger: Pick<Logger, 'info' | 'warn' | 'error'>,
  ) {
    this.#failing = new FailingLog(
      logger,
      'warn',
      'notifications cannot be read; trying again',
      'notifications are read again',
    )
  }

  onApplicationBootstrap(): void {
    this.#task.start()
  }

  async onApplicationShutdown(): Promise<void> {
    this.#isStopping = true
    await this.#task.stop()
  }

  /** A notification was left a moment ago. */
  wake(): void {
    this.#task.wake()
  }

  async #sendAll(): Promise<void> {
    for (let goesOn = true; goesOn && !this.#isStopping;) {
      const notification = await this.store.claim(LEASE_MS)
      goesOn = notification !== undefined && (await this.#send(notification))
    }
    this.metrics.pending(await this.store.pending())
    await this.#countWithheld()
    this.#failing.succeeded()
  }

  /** @returns whether it makes sense to go on with the next one: a server that takes nothing gets a rest */
  async #send(notification: ClaimedNotification): Promise<boolean> {
    const { id, kind, webhookId, accountId } = notification
    if (!notification.webhookExists) {
      await this.store.settle(id, false)
      return true
    }
    const startedAt = Date.now()
    try {
      const to = await this.mailer.send(notificationMail(notification, this.config.disable))
      this.metrics.sent(kind)
      const fields = { stage: 'notification.send', kind, webhookId, accountId, attempts: notification.attempts }
      this.logger.info({ ...fields, to, ms: Date.now() - startedAt }, 'notified')
    } catch (error) {
      await this.#failed(notification, error)
      // Hundreds of dead addresses would else keep the others' mail for minutes each time that they are due.
      return error instanceof MailRefused
    }
    // When this fails the mail is sent again after the lease: twice is better than never.
    await this.store.settle(id, true)
    return true
  }

  async #failed({ id, kind, webhookId, createdAt, attempts }: ClaimedNotification, error: unknown): Promise<void> {
    const again = nextTry(attempts, createdAt.getTime(), error instanceof MailRefused, Date.now())
    this.metrics.failed(again === null ? 'given_up' : 'retry')
    this.logger.error(
      { err: error, stage: 'notification.send', kind, webhookId, attempts, isGivenUp: again === null },
      'a notification could not be sent',
    )
    if (again === null) await this.store.settle(id, false)
    else await this.store.putOff(id, new Date(again))
  }

  async #countWithheld(): Promise<void> {
    const now = Date.now()
    for (const [accountId, at] of this.#warnedAt) if (now - at >= WARN_AGAIN_MS) this.#warnedAt.delete(accountId)
    for (const { accountId, count } of await this.store.takeWithheld()) {
      this.metrics.withheld(count)
      if (this.#warnedAt.has(accountId)) continue
      this.#warnedAt.set(accountId, now)
      this.logger.warn({ stage: 'notification.withhold', accountId }, 'an account has had its mails of this hour')
    }
  }
}
