import { Controller } from '@nestjs/common'
import { EventPattern, Payload } from '@nestjs/microservices'
import type { RecordBatch } from '#kafka'
import { FanOut } from './fan-out.js'

/** context-events -> deliveries. Batches of all partitions meet in one round. */
@Controller()
export class ContextEventsController {
  constructor(private readonly fanOut: FanOut) {}

  @EventPattern<string>('context-events')
  contextEvents(@Payload() batch: RecordBatch): void | Promise<void> {
    return this.fanOut.take(batch)
  }
}
