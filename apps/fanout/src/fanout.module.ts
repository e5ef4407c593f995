import { type DynamicModule, Module } from '@nestjs/common'
import { BatchingProducer, KafkaConnection } from '#kafka'
import { FannedOutEvents, WebhookSnapshot } from '#postgres'
import { LOGGER, type Logger, Registry, Tracing } from '#telemetry'
import { TopicMap } from '#topics'
import { ContextEventsController } from './context-events.controller.js'
import { FanOut } from './fan-out.js'
import { FanOutMetrics } from './fan-out-metrics.js'
import { Subscriptions } from './subscriptions.js'
import { EVENT_RETENTION_MS, UnknownPast } from './unknown-past.js'

/** What the process brings along: connections and settings, made before Nest starts. */
export interface FanoutInfrastructure {
  logger: Logger
  registry: Registry
  tracing: Tracing
  topics: TopicMap
  connection: KafkaConnection
  producer: BatchingProducer
  snapshot: WebhookSnapshot
  fannedOut: FannedOutEvents
  eventRetentionMs: number
}

@Module({})
export class FanoutModule {
  static with(infrastructure: FanoutInfrastructure): DynamicModule {
    return {
      module: FanoutModule,
      controllers: [ContextEventsController],
      providers: [
        FanOut,
        FanOutMetrics,
        Subscriptions,
        UnknownPast,
        { provide: LOGGER, useValue: infrastructure.logger },
        { provide: Registry, useValue: infrastructure.registry },
        { provide: Tracing, useValue: infrastructure.tracing },
        { provide: TopicMap, useValue: infrastructure.topics },
        { provide: KafkaConnection, useValue: infrastructure.connection },
        { provide: BatchingProducer, useValue: infrastructure.producer },
        { provide: WebhookSnapshot, useValue: infrastructure.snapshot },
        { provide: FannedOutEvents, useValue: infrastructure.fannedOut },
        { provide: EVENT_RETENTION_MS, useValue: infrastructure.eventRetentionMs },
      ],
    }
  }
}
