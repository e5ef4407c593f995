import { Body, Controller, HttpCode, Param, Post, Req } from '@nestjs/common'
import { ApiAcceptedResponse, ApiBody, ApiOperation, ApiTags } from '@nestjs/swagger'
import type { FastifyRequest } from 'fastify'
import { z } from 'zod'
import { eventTypes } from '#domain'
import { AccountId } from '../accounts/caller.js'
import { Scopes } from '../accounts/scopes.js'
import { knownId, notFound } from '../deliveries/not-found.js'
import { traceparentOf } from '../http/trace-context.js'
import { TestSend } from './test-send.js'

export const testSendRequest = z
  .strictObject({
    type: z.enum(eventTypes).optional().describe('Any, subscribed to or not; the first subscribed one without it.'),
  })
  .meta({ id: 'TestSendRequest' })

const testSendAnswer = z.strictObject({ event_id: z.string(), delivery_id: z.string() }).meta({ id: 'TestSend' })

const body = testSendRequest.prefault({})

@ApiTags('webhooks')
@Controller('v1/webhooks')
@Scopes('deliveries:write')
export class TestSendController {
  constructor(private readonly tests: TestSend) {}

  @Post(':id/test')
  @HttpCode(202)
  @ApiOperation({
    operationId: 'testWebhook',
    summary: 'Send a sample event: one attempt, also while the webhook is disabled, and nothing follows from it.',
  })
  @ApiBody({ required: false, schema: { $ref: '#/components/schemas/TestSendRequest' } })
  @ApiAcceptedResponse({
    standardSchema: testSendAnswer,
    description: 'On its way. The delivery can be read once its attempt was made; its event is not among the events.',
  })
  async send(
    @AccountId() accountId: string,
    @Param('id') id: string,
    @Body({ schema: body }) { type }: z.infer<typeof body>,
    @Req() http: FastifyRequest,
  ): Promise<z.infer<typeof testSendAnswer>> {
    const delivery = await this.tests.send(accountId, knownId('webhook', id), type, traceparentOf(http.headers))
    if (!delivery) throw notFound('webhook')
    return { event_id: delivery.eventId, delivery_id: delivery.id }
  }
}
