import { Body, Controller, Headers, HttpCode, Post, Req } from '@nestjs/common'
import { RouteConfig } from '@nestjs/platform-fastify'
import { ApiAcceptedResponse, ApiBody, ApiHeader, ApiOperation, ApiTags } from '@nestjs/swagger'
import type { FastifyRequest } from 'fastify'
import { newId } from '#domain'
import { Scopes } from '../accounts/scopes.js'
import { Problem } from '../http/problem.js'
import { traceparentOf } from '../http/trace-context.js'
import { validateBatch } from './batch-validation.js'
import { EventIntake } from './event-intake.js'
import {
  type BatchAnswer,
  type EventAnswer,
  type EventRequest,
  MAX_BATCH_BYTES,
  MAX_EVENT_BYTES,
  batchAnswer,
  eventAnswer,
  eventRequest,
} from './event-schemas.js'
import { IDEMPOTENCY_KEY, eventIdOf } from './idempotency-key.js'

@ApiTags('events')
@Controller('v1/events')
@Scopes('events:write')
export class EventsController {
  constructor(private readonly intake: EventIntake) {}

  @Post()
  @HttpCode(202)
  @RouteConfig({ bodyLimit: MAX_EVENT_BYTES })
  @ApiOperation({ operationId: 'postEvent', summary: 'Take one event; answered once it is safely stored.' })
  @ApiHeader({
    name: 'Idempotency-Key',
    required: false,
    description: 'The event’s id is made of it and the account; instead of an id of the producer’s own.',
    schema: { type: 'string', pattern: IDEMPOTENCY_KEY.source },
  })
  @ApiAcceptedResponse({ standardSchema: eventAnswer, description: 'Stored; the same id answers with the same id.' })
  async one(
    @Body({ schema: eventRequest }) request: EventRequest,
    @Headers('idempotency-key') idempotencyKey: string | undefined,
    @Req() http: FastifyRequest,
  ): Promise<EventAnswer> {
    const id = eventIdOf(request, idempotencyKey)
    const createdAt = request.created_at ?? new Date().toISOString()
    await this.intake.take([{ id, createdAt, request }], traceparentOf(http.headers))
    return { id, type: request.type, created_at: createdAt }
  }

  @Post('batch')
  @HttpCode(202)
  @RouteConfig({ bodyLimit: MAX_BATCH_BYTES })
  @ApiOperation({ operationId: 'postEventBatch', summary: 'Take up to 1,000 events: all are valid, or none is taken.' })
  @ApiBody({ schema: { $ref: '#/components/schemas/EventBatchRequest' } })
  @ApiAcceptedResponse({ standardSchema: batchAnswer, description: 'Stored, in the order of the request.' })
  async batch(
    @Body() body: unknown,
    @Headers('idempotency-key') idempotencyKey: string | undefined,
    @Req() http: FastifyRequest,
  ): Promise<BatchAnswer> {
    if (idempotencyKey !== undefined) {
      const detail = 'Idempotency-Key is for single events: give each event of a batch an id of its own.'
      throw new Problem(422, 'Invalid Idempotency-Key', detail)
    }
    const now = new Date().toISOString()
    const events = validateBatch(body).map((request) => ({
      id: request.id ?? newId('evt'),
      createdAt: request.created_at ?? now,
      request,
    }))
    await this.intake.take(events, traceparentOf(http.headers))
    return { data: events.map(({ id }) => ({ id })) }
  }
}
