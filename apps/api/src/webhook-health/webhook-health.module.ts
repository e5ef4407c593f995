import { Module } from '@nestjs/common'
import type { ApiConfig } from '#config'
import { Database, DisableStore, WarningStore } from '#postgres'
import { DeliveriesModule } from '../deliveries/deliveries.module.js'
import { API_CONFIG } from '../infrastructure/injection-tokens.js'
import { NotificationsModule } from '../notifications/notifications.module.js'
import { WebhooksModule } from '../webhooks/webhooks.module.js'
import { HalfTimeWarnings } from './half-time-warnings.js'
import { WebhookCommands } from './webhook-commands.js'

/** What follows from a webhook's failures: a warning at half time, and in the end that it is disabled. */
@Module({
  imports: [DeliveriesModule, NotificationsModule, WebhooksModule],
  providers: [
    {
      provide: DisableStore,
      useFactory: (database: Database, { disable }: ApiConfig) => new DisableStore(database, disable),
      inject: [Database, API_CONFIG],
    },
    { provide: WarningStore, useFactory: (database: Database) => new WarningStore(database), inject: [Database] },
    WebhookCommands,
    HalfTimeWarnings,
  ],
})
export class WebhookHealthModule {}
