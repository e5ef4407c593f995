import { Module } from '@nestjs/common'
import { Database, ReplayList, ReplayStore, WebhookStore } from '#postgres'
import { DeliveriesModule } from '../deliveries/deliveries.module.js'
import { ReplayRun } from './replay-run.js'
import { ReplayRunner } from './replay-runner.js'
import { ReplaySender } from './replay-sender.js'
import { Replays } from './replays.js'
import { ReplaysController } from './replays.controller.js'

/** What happened, once more and to one webhook: many deliveries by a filter. */
@Module({
  imports: [DeliveriesModule],
  controllers: [ReplaysController],
  providers: [
    { provide: ReplayStore, useFactory: (database: Database) => new ReplayStore(database), inject: [Database] },
    { provide: ReplayList, useFactory: (database: Database) => new ReplayList(database), inject: [Database] },
    { provide: WebhookStore, useFactory: (database: Database) => new WebhookStore(database), inject: [Database] },
    ReplaySender,
    ReplayRun,
    ReplayRunner,
    Replays,
  ],
})
export class ReplaysModule {}
