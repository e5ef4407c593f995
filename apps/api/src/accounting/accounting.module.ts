import { Module } from '@nestjs/common'
import type { ApiConfig } from '#config'
import { patienceFor } from '#domain'
import { AccountingStore, Database } from '#postgres'
import { DeliveriesModule } from '../deliveries/deliveries.module.js'
import { API_CONFIG } from '../infrastructure/injection-tokens.js'
import { Accounting } from './accounting.js'
import { AccountingMetrics } from './accounting-metrics.js'

/** Whether everything that was promised was done. */
@Module({
  imports: [DeliveriesModule],
  providers: [
    {
      provide: AccountingStore,
      useFactory: (database: Database, { topics }: ApiConfig) =>
        new AccountingStore(database, patienceFor(topics.deliveryMaxAgeMs)),
      inject: [Database, API_CONFIG],
    },
    AccountingMetrics,
    Accounting,
  ],
})
export class AccountingModule {}
