import { type DynamicModule, Module } from '@nestjs/common'
import { type DisableRule, RetrySchedule } from '#domain'
import { EgressClient } from '#egress'
import { BatchingProducer, KafkaConnection, LogReader } from '#kafka'
import { EndedChains, RunningChains, StreakSnapshot, WebhookSnapshot } from '#postgres'
import type { KeyRing } from '#signing'
import { LOGGER, type Logger, Registry, Tracing } from '#telemetry'
import { TopicMap } from '#topics'
import { ATTEMPT_TIMEOUT_MS, AttemptDelivery } from './attempts/attempt-delivery.js'
import { AttemptedKeys } from './past/attempted-keys.js'
import { DeliveriesController } from './deliveries.controller.js'
import { Consequences, DELIVERY_MAX_AGE_MS } from './settlement/consequences.js'
import { DISABLE_RULE, Dispatch } from './lanes/dispatch.js'
import { Lanes } from './lanes/lanes.js'
import { DispatchMetrics } from './dispatch-metrics.js'
import { Intake } from './intake/intake.js'
import { KnownStreaks } from './past/known-streaks.js'
import { LeftInLog } from './intake/left-in-log.js'
import { MemoryBounds } from './memory-bounds.js'
import { NewestChains } from './past/newest-chains.js'
import { Settlement } from './settlement/settlement.js'
import { UncommittedPast } from './past/uncommitted-past.js'
import { DELIVERY_RETENTION_MS, UnknownPast } from './past/unknown-past.js'
import { WaitingRoom } from './intake/waiting-room.js'
import { KEY_RING, WebhooksToCall } from './webhooks/webhooks-to-call.js'
import { WorksInHand } from './works-in-hand.js'

/** What the process brings along: connections and settings, made before Nest starts. */
export interface DispatcherInfrastructure {
  logger: Logger
  registry: Registry
  tracing: Tracing
  topics: TopicMap
  schedule: RetrySchedule
  connection: KafkaConnection
  producer: BatchingProducer
  logReader: LogReader
  snapshot: WebhookSnapshot
  streaks: StreakSnapshot
  endedChains: EndedChains
  runningChains: RunningChains
  client: EgressClient
  keyRing: KeyRing
  attemptTimeoutMs: number
  disableRule: DisableRule
  deliveryMaxAgeMs: number
  deliveryRetentionMs: number
}

@Module({})
export class DispatcherModule {
  static with(infrastructure: DispatcherInfrastructure): DynamicModule {
    return {
      module: DispatcherModule,
      controllers: [DeliveriesController],
      providers: [
        AttemptDelivery,
        AttemptedKeys,
        Consequences,
        Dispatch,
        DispatchMetrics,
        Intake,
        KnownStreaks,
        Lanes,
        LeftInLog,
        MemoryBounds,
        {
          provide: NewestChains,
          useFactory: (chains: RunningChains, logger: Logger) => new NewestChains(chains, logger),
          inject: [RunningChains, LOGGER],
        },
        Settlement,
        UncommittedPast,
        UnknownPast,
        WaitingRoom,
        WebhooksToCall,
        WorksInHand,
        { provide: LOGGER, useValue: infrastructure.logger },
        { provide: Registry, useValue: infrastructure.registry },
        { provide: Tracing, useValue: infrastructure.tracing },
        { provide: TopicMap, useValue: infrastructure.topics },
        { provide: RetrySchedule, useValue: infrastructure.schedule },
        { provide: KafkaConnection, useValue: infrastructure.connection },
        { provide: BatchingProducer, useValue: infrastructure.producer },
        { provide: LogReader, useValue: infrastructure.logReader },
        { provide: WebhookSnapshot, useValue: infrastructure.snapshot },
        { provide: StreakSnapshot, useValue: infrastructure.streaks },
        { provide: EndedChains, useValue: infrastructure.endedChains },
        { provide: RunningChains, useValue: infrastructure.runningChains },
        { provide: EgressClient, useValue: infrastructure.client },
        { provide: KEY_RING, useValue: infrastructure.keyRing },
        { provide: DELIVERY_MAX_AGE_MS, useValue: infrastructure.deliveryMaxAgeMs },
        { provide: DELIVERY_RETENTION_MS, useValue: infrastructure.deliveryRetentionMs },
        { provide: DISABLE_RULE, useValue: infrastructure.disableRule },
        { provide: ATTEMPT_TIMEOUT_MS, useValue: infrastructure.attemptTimeoutMs },
      ],
    }
  }
}
