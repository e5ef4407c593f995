import { Controller, Get, Param, Query, UseInterceptors } from '@nestjs/common'
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger'
import { isEventType } from '#domain'
import { DeliveryLog, type DeliveryState, EventLog, WebhookStore } from '#postgres'
import { AccountId } from '../accounts/caller.js'
import { Scopes } from '../accounts/scopes.js'
import { Cursors } from '../http/cursors.js'
import { listOf, pageOf } from '../http/list.js'
import { sampleBody } from '../webhooks/sample-body.js'
import { MOST_ATTEMPT_BYTES, deliveryDetailView, deliverySummaryView } from './delivery-views.js'
import { filterTime } from './filter-time.js'
import { LogCursor } from './log-cursor.js'
import { LogReadTurns } from './log-read-turns.js'
import { type DeliveriesQuery, deliveriesQuery, deliveryDetail, deliverySummary } from './log-schemas.js'
import { knownId, notFound } from './not-found.js'

@ApiTags('deliveries')
@Controller('v1')
@Scopes('deliveries:read')
@UseInterceptors(LogReadTurns)
export class DeliveriesController {
  constructor(
    private readonly deliveries: DeliveryLog,
    private readonly events: EventLog,
    private readonly webhooks: WebhookStore,
    private readonly cursors: Cursors,
  ) {}

  @Get('webhooks/:id/deliveries')
  @ApiOperation({ operationId: 'listDeliveries', summary: 'What was sent to a webhook, newest event first.' })
  @ApiOkResponse({ standardSchema: listOf(deliverySummary), description: 'A page of deliveries.' })
  async list(
    @AccountId() accountId: string,
    @Param('id') id: string,
    @Query({ schema: deliveriesQuery }) query: DeliveriesQuery,
  ) {
    const cursor = new LogCursor(this.cursors, ['deliveries', accountId, id])
    const page = cursor.page(query)
    const webhook = await this.webhooks.find(accountId, knownId('webhook', id))
    if (!webhook) throw notFound('webhook')
    const rows = await this.deliveries.list(accountId, webhook.id, filterFrom(query), page)
    return pageOf(rows, query.limit, (row) => cursor.after(row), deliverySummaryView)
  }

  @Get('deliveries/:id')
  @ApiOperation({ operationId: 'getDelivery', summary: 'One delivery with its attempts.' })
  @ApiOkResponse({ standardSchema: deliveryDetail, description: 'The delivery.' })
  async get(@AccountId() accountId: string, @Param('id') id: string) {
    const found = await this.deliveries.withAttempts(accountId, knownId('delivery', id), MOST_ATTEMPT_BYTES)
    if (!found) throw notFound('delivery')
    const { delivery, attempts } = found
    return deliveryDetailView(delivery, attempts, await this.#bodyOf(delivery))
  }

  /** What was sent, in every attempt; null once it is older than events are kept. */
  async #bodyOf({ accountId, eventId, eventType, trigger, acceptedAt }: DeliveryState): Promise<string | null> {
    // It was no event of the account, and can be made once more, to the byte.
    if (trigger === 'test' && isEventType(eventType)) return sampleBody(eventType, eventId, new Date(acceptedAt))
    // What was accepted never changes: it need not be of the same moment. Days apart, another came under the same id.
    return this.events.body(accountId, eventId, acceptedAt)
  }
}

function filterFrom(query: DeliveriesQuery) {
  const { status, type, event_id: eventId, since, until } = query
  return {
    status,
    type,
    eventId,
    since: filterTime(since),
    until: filterTime(until),
  }
}
