import { type DynamicModule, Module } from '@nestjs/common'
import { AccountingModule } from './accounting/accounting.module.js'
import { AccountsModule } from './accounts/accounts.module.js'
import { DeliveriesModule } from './deliveries/deliveries.module.js'
import { EventsModule } from './events/events.module.js'
import { MeController } from './http/me.controller.js'
import { type Infrastructure, InfrastructureModule } from './infrastructure/infrastructure.module.js'
import { RedeliveriesModule } from './redeliveries/redeliveries.module.js'
import { ReplaysModule } from './replays/replays.module.js'
import { WebhookHealthModule } from './webhook-health/webhook-health.module.js'
import { WebhooksModule } from './webhooks/webhooks.module.js'

@Module({})
export class ApiModule {
  static with(parts: Infrastructure): DynamicModule {
    return {
      module: ApiModule,
      imports: [
        InfrastructureModule.with(parts),
        AccountsModule,
        EventsModule,
        WebhooksModule,
        DeliveriesModule,
        RedeliveriesModule,
        ReplaysModule,
        WebhookHealthModule,
        AccountingModule,
      ],
      controllers: [MeController],
    }
  }
}
