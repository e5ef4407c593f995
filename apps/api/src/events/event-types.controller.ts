import { Controller, Get } from '@nestjs/common'
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger'
import { z } from 'zod'
import { CONTEXT_EVENT_TYPES, contextEventTypes, sampleEvent } from '#domain'
import { listOf } from '../http/list.js'
import { deliveredEvent, eventType } from './event-schemas.js'

const eventTypeAnswer = z
  .strictObject({ type: eventType, description: z.string(), sample: deliveredEvent })
  .meta({ id: 'EventType' })

// The guide's own example, so that what people compare is the same everywhere.
const SAMPLE_ID = 'evt_abc123def456'
const SAMPLE_TIME = new Date('2024-01-15T14:45:00Z')

const ALL = {
  data: contextEventTypes.map((type) => ({
    type,
    description: CONTEXT_EVENT_TYPES[type],
    sample: sampleEvent(type, SAMPLE_ID, SAMPLE_TIME),
  })),
  next_cursor: null,
  has_more: false,
}

@ApiTags('events')
@Controller('v1/event-types')
export class EventTypesController {
  @Get()
  @ApiOperation({ operationId: 'listEventTypes', summary: 'What can happen to a context, with a sample of each.' })
  @ApiOkResponse({ standardSchema: listOf(eventTypeAnswer), description: 'All of them, on one page.' })
  list(): typeof ALL {
    return ALL
  }
}
