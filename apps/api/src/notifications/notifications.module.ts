import { Module } from '@nestjs/common'
import type { ApiConfig } from '#config'
import { Database, NotificationStore, OperationalEventStore } from '#postgres'
import { API_CONFIG } from '../infrastructure/injection-tokens.js'
import { Mailer } from './mailer.js'
import { NotificationForgetting } from './notification-forgetting.js'
import { NotificationMetrics } from './notification-metrics.js'
import { NotificationSender } from './notification-sender.js'
import { Notifications } from './notifications.js'
import { OperationalEventSender } from './operational-event-sender.js'

/** What became of webhooks: mail to their owners, and events to the account's other webhooks. */
@Module({
  providers: [
    {
      provide: NotificationStore,
      useFactory: (database: Database) => new NotificationStore(database),
      inject: [Database],
    },
    {
      provide: OperationalEventStore,
      useFactory: (database: Database) => new OperationalEventStore(database),
      inject: [Database],
    },
    { provide: Mailer, useFactory: ({ mail }: ApiConfig) => new Mailer(mail), inject: [API_CONFIG] },
    NotificationMetrics,
    NotificationSender,
    NotificationForgetting,
    OperationalEventSender,
    Notifications,
  ],
  exports: [Notifications],
})
export class NotificationsModule {}
