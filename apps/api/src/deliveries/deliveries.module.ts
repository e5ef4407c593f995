import { Module } from '@nestjs/common'
import type { ApiConfig } from '#config'
import { Database, DeliveryLog, EventLog, PartitionStore, ReadModelWriter, WebhookStore } from '#postgres'
import { API_CONFIG } from '../infrastructure/injection-tokens.js'
import { DeliveriesController } from './deliveries.controller.js'
import { EventLogController } from './event-log.controller.js'
import { Projector } from './projector.js'
import { ProjectorMetrics } from './projector-metrics.js'
import { ReadModelProgress } from './read-model-progress.js'
import { ReadModelRetention } from './read-model-retention.js'

/** What happened: written by the projector from the log, read by customers. */
@Module({
  controllers: [DeliveriesController, EventLogController],
  providers: [
    { provide: DeliveryLog, useFactory: (database: Database) => new DeliveryLog(database), inject: [Database] },
    { provide: EventLog, useFactory: (database: Database) => new EventLog(database), inject: [Database] },
    { provide: WebhookStore, useFactory: (database: Database) => new WebhookStore(database), inject: [Database] },
    {
      provide: PartitionStore,
      useFactory: (database: Database, { topics }: ApiConfig) =>
        new PartitionStore(database, { eventsMs: topics.eventRetentionMs, deliveriesMs: topics.deliveryRetentionMs }),
      inject: [Database, API_CONFIG],
    },
    {
      provide: ReadModelWriter,
      useFactory: (database: Database, partitions: PartitionStore) => new ReadModelWriter(database, partitions),
      inject: [Database, PartitionStore],
    },
    ProjectorMetrics,
    Projector,
    ReadModelProgress,
    ReadModelRetention,
  ],
  exports: [Projector, ReadModelProgress],
})
export class DeliveriesModule {}
