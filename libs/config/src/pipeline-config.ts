import { formatDuration, type RetrySchedule } from '#domain'
import type { EnvironmentReader } from './environment.js'
import { type KafkaConfig, readKafkaConfig } from './kafka-config.js'
import { named } from './variables.js'

/** What all three services must agree on: the log, the topics in it, and the database. */
export interface PipelineConfig {
  kafka: KafkaConfig
  topics: {
    prefix: string
    partitions: number
    replicationFactor: number
    schedule: RetrySchedule
    eventRetentionMs: number
    deliveryRetentionMs: number
    deliveryMaxAgeMs: number
  }
  databaseUrl: string
  managementPort: number
  logLevel: 'debug' | 'info' | 'warn' | 'error'
}

export function readPipelineConfig(reader: EnvironmentReader, defaultManagementPort: number): PipelineConfig {
  const config: PipelineConfig = {
    kafka: readKafkaConfig(reader),
    topics: {
      prefix: reader.required(named('KAFKA_TOPIC_PREFIX')),
      partitions: reader.required(named('KAFKA_PARTITIONS')),
      replicationFactor: reader.required(named('KAFKA_REPLICATION_FACTOR')),
      schedule: reader.required(named('RETRY_SCHEDULE')),
      eventRetentionMs: reader.required(named('EVENT_RETENTION')),
      deliveryRetentionMs: reader.required(named('DELIVERY_RETENTION')),
      deliveryMaxAgeMs: reader.required(named('DELIVERY_MAX_AGE')),
    },
    databaseUrl: reader.required(named('DATABASE_URL')),
    managementPort: reader.optional(named('MANAGEMENT_PORT')) ?? defaultManagementPort,
    logLevel: reader.required(named('LOG_LEVEL')),
  }
  const { schedule, deliveryMaxAgeMs } = config.topics
  if (schedule && deliveryMaxAgeMs < schedule.totalMs) {
    reader.problem(
      `DELIVERY_MAX_AGE: ${formatDuration(deliveryMaxAgeMs)} is less than the sum of RETRY_SCHEDULE, ` +
        `${formatDuration(schedule.totalMs)}: deliveries would expire before their last attempt`,
    )
  }
  return config
}
