import { Module } from '@nestjs/common'
import type { ApiConfig } from '#config'
import { Database, NotificationStore } from '#postgres'
import { API_CONFIG } from '../infrastructure/injection-tokens.js'
import { Mailer } from './mailer.js'
import { NotificationMetrics } from './notification-metrics.js'
import { NotificationSender } from './notification-sender.js'

/** Mail to the owners of webhooks about what became of them. */
@Module({
  providers: [
    {
      provide: NotificationStore,
      useFactory: (database: Database) => new NotificationStore(database),
      inject: [Database],
    },
    { provide: Mailer, useFactory: ({ mail }: ApiConfig) => new Mailer(mail), inject: [API_CONFIG] },
    NotificationMetrics,
    NotificationSender,
  ],
  exports: [NotificationSender],
})
export class NotificationsModule {}
