import { Controller, Get, Inject, Param, Query, UseInterceptors } from '@nestjs/common'
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger'
import type { ApiConfig } from '#config'
import { MAX_WEBHOOKS_PER_ACCOUNT, deliveryIdFor } from '#domain'
import { DeliveryLog, EventLog, WebhookStore } from '#postgres'
import { AccountId } from '../accounts/caller.js'
import { Scopes } from '../accounts/scopes.js'
import { Cursors } from '../http/cursors.js'
import { listOf, pageOf } from '../http/list.js'
import { API_CONFIG } from '../infrastructure/injection-tokens.js'
import { eventDetailView, eventView, webhooksOf } from './event-views.js'
import { filterTime } from './filter-time.js'
import { LogCursor } from './log-cursor.js'
import { LogReadTurns } from './log-read-turns.js'
import { type EventsQuery, eventDetail, eventSummary, eventsQuery } from './log-schemas.js'
import { knownId, notFound } from './not-found.js'

@ApiTags('events')
@Controller('v1/events')
@Scopes('deliveries:read')
@UseInterceptors(LogReadTurns)
export class EventLogController {
  constructor(
    private readonly events: EventLog,
    private readonly deliveries: DeliveryLog,
    private readonly webhooks: WebhookStore,
    private readonly cursors: Cursors,
    @Inject(API_CONFIG) private readonly config: Pick<ApiConfig, 'topics'>,
  ) {}

  @Get()
  @ApiOperation({ operationId: 'listEvents', summary: 'The account’s events as they were delivered, newest first.' })
  @ApiOkResponse({ standardSchema: listOf(eventSummary), description: 'A page of events.' })
  async list(@AccountId() accountId: string, @Query({ schema: eventsQuery }) query: EventsQuery) {
    const cursor = new LogCursor(this.cursors, ['events', accountId])
    const rows = await this.events.list(
      accountId,
      { type: query.type, since: filterTime(query.since) },
      cursor.page(query),
    )
    return pageOf(rows, query.limit, (row) => cursor.after(row), eventView)
  }

  @Get(':id')
  @ApiOperation({
    operationId: 'getEvent',
    summary: 'One event, and for each webhook of the account what became of it.',
  })
  @ApiOkResponse({ standardSchema: eventDetail, description: 'The event.' })
  async get(@AccountId() accountId: string, @Param('id') id: string) {
    const event = await this.events.find(accountId, knownId('event', id))
    if (!event) throw notFound('event')
    const matches = await this.events.matches(event)
    const present = await this.webhooks.list(accountId, { limit: MAX_WEBHOOKS_PER_ACCOUNT })
    const ids = webhooksOf(matches, present).map((webhookId) => deliveryIdFor(event.id, webhookId))
    const deliveries = await this.deliveries.findAll(accountId, ids, event.acceptedAt)
    const keptFrom = Date.now() - this.config.topics.deliveryRetentionMs
    return eventDetailView(event, matches, present, deliveries, keptFrom)
  }
}
