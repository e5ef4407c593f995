import { Controller, HttpCode, Param, Post, Req } from '@nestjs/common'
import { ApiAcceptedResponse, ApiConflictResponse, ApiOperation, ApiTags } from '@nestjs/swagger'
import type { FastifyRequest } from 'fastify'
import { z } from 'zod'
import { AccountId } from '../accounts/caller.js'
import { Scopes } from '../accounts/scopes.js'
import { knownId } from '../deliveries/not-found.js'
import { traceparentOf } from '../http/trace-context.js'
import { Redeliveries } from './redeliveries.js'

const redeliveryAnswer = z
  .strictObject({
    id: z.string().describe('The delivery, as before: its attempts are listed with it.'),
    event_id: z.string(),
    webhook_id: z.string(),
    chain: z.int().describe('The number that the new attempts carry; the first chain is 0.'),
    status: z.literal('waiting'),
  })
  .meta({ id: 'Redelivery' })

@ApiTags('deliveries')
@Controller('v1/deliveries')
@Scopes('deliveries:write')
export class RedeliveriesController {
  constructor(private readonly redeliveries: Redeliveries) {}

  @Post(':id/redeliver')
  @HttpCode(202)
  @ApiOperation({
    operationId: 'redeliver',
    summary: 'Send a delivery again, whatever became of it: a fresh chain of attempts, in place of one that runs.',
  })
  @ApiAcceptedResponse({ standardSchema: redeliveryAnswer, description: 'Asked for; the first attempt follows.' })
  @ApiConflictResponse({
    description:
      'The webhook is disabled or was deleted, the event is no longer kept, the delivery was a test send, or an ' +
      'earlier request for it is on its way. The detail says what to do.',
  })
  async redeliver(
    @AccountId() accountId: string,
    @Param('id') id: string,
    @Req() http: FastifyRequest,
  ): Promise<z.infer<typeof redeliveryAnswer>> {
    const known = knownId('delivery', id)
    const { delivery, chain } = await this.redeliveries.request(accountId, known, traceparentOf(http.headers))
    return { id, event_id: delivery.eventId, webhook_id: delivery.webhookId, chain, status: 'waiting' }
  }
}
