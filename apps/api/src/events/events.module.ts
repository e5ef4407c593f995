import { Module } from '@nestjs/common'
import { EventIntake } from './event-intake.js'
import { EventTypesController } from './event-types.controller.js'
import { EventsController } from './events.controller.js'

@Module({ controllers: [EventsController, EventTypesController], providers: [EventIntake] })
export class EventsModule {}
