import { Controller } from '@nestjs/common'
import { EventPattern, Payload } from '@nestjs/microservices'
import type { RecordBatch } from '#kafka'
import { Intake } from './intake/intake.js'

/** The three ways in which a delivery arrives. Each handler enqueues and returns; after a takeover it may ask first. */
@Controller()
export class DeliveriesController {
  constructor(private readonly intake: Intake) {}

  @EventPattern<string>('deliveries')
  deliveries(@Payload() batch: RecordBatch): void | Promise<void> {
    return this.intake.now(batch)
  }

  @EventPattern<string>('deliveries.retry')
  retries(@Payload() batch: RecordBatch): void | Promise<void> {
    return this.intake.later(batch)
  }

  @EventPattern<string>('deliveries.replay')
  replays(@Payload() batch: RecordBatch): void | Promise<void> {
    return this.intake.replays(batch)
  }
}
