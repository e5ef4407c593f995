import { Controller } from '@nestjs/common'
import { EventPattern, Payload } from '@nestjs/microservices'
import type { RecordBatch } from '#kafka'
import { FanOut } from './fan-out.js'

/** context-events -> deliveries. The engine repeats a batch whose fan-out failed, and shows it as lag meanwhile. */
@Controller()
export class ContextEventsController {
  constructor(private readonly fanOut: FanOut) {}

  @EventPattern<string>('context-events')
  async contextEvents(@Payload() batch: RecordBatch): Promise<void> {
    await this.fanOut.run(batch)
  }
}
