import { Module } from '@nestjs/common'
import { Database, DeliveryLog, EventLog, RedeliveryStore, WebhookStore } from '#postgres'
import { Redeliveries } from './redeliveries.js'
import { RedeliveriesController } from './redeliveries.controller.js'
import { RedeliveryLog } from './redelivery-log.js'
import { RedeliveryRelay } from './redelivery-relay.js'

/** What was delivered, or not, once more. */
@Module({
  controllers: [RedeliveriesController],
  providers: [
    { provide: DeliveryLog, useFactory: (database: Database) => new DeliveryLog(database), inject: [Database] },
    { provide: EventLog, useFactory: (database: Database) => new EventLog(database), inject: [Database] },
    { provide: WebhookStore, useFactory: (database: Database) => new WebhookStore(database), inject: [Database] },
    { provide: RedeliveryStore, useFactory: (database: Database) => new RedeliveryStore(database), inject: [Database] },
    RedeliveryLog,
    Redeliveries,
    RedeliveryRelay,
  ],
})
export class RedeliveriesModule {}
