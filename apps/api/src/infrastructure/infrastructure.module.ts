import { type DynamicModule, Global, Module } from '@nestjs/common'
import type { ApiConfig } from '#config'
import type { EgressPolicy } from '#egress'
import { BatchingProducer, KafkaConnection } from '#kafka'
import { Database } from '#postgres'
import type { KeyRing } from '#signing'
import { LOGGER, type Logger, Registry, Tracing } from '#telemetry'
import { TopicMap } from '#topics'
import { Cursors } from '../http/cursors.js'
import { API_CONFIG, EGRESS_POLICY, KEY_RING } from './injection-tokens.js'

/** What every feature stands on. Made before Nest and ended after it, by `start-api.ts`. */
export interface Infrastructure {
  config: ApiConfig
  logger: Logger
  registry: Registry
  tracing: Tracing
  topics: TopicMap
  kafka: KafkaConnection
  /** Idempotent, for events and everything else that is not compacted; gives up after 3 s. */
  producer: BatchingProducer
  database: Database
  keyRing: KeyRing
  egressPolicy: EgressPolicy
}

@Global()
@Module({})
export class InfrastructureModule {
  static with(parts: Infrastructure): DynamicModule {
    const providers = [
      { provide: API_CONFIG, useValue: parts.config },
      { provide: LOGGER, useValue: parts.logger },
      { provide: Registry, useValue: parts.registry },
      { provide: Tracing, useValue: parts.tracing },
      { provide: TopicMap, useValue: parts.topics },
      { provide: KafkaConnection, useValue: parts.kafka },
      { provide: BatchingProducer, useValue: parts.producer },
      { provide: Database, useValue: parts.database },
      { provide: KEY_RING, useValue: parts.keyRing },
      { provide: Cursors, useValue: new Cursors([...parts.keyRing.byId.values()].map(({ key }) => key)) },
      { provide: EGRESS_POLICY, useValue: parts.egressPolicy },
    ]
    return { module: InfrastructureModule, providers, exports: providers.map(({ provide }) => provide) }
  }
}
