import type { ApiConfig } from '#config'
import { egressPolicy } from '#egress'
import { BatchingProducer, KafkaConnection } from '#kafka'
import { Database } from '#postgres'
import { parseKeyRing } from '#signing'
import { createRegistry, createTracing, type Logger } from '#telemetry'
import { TopicMap } from '#topics'
import type { Infrastructure } from './infrastructure.module.js'

/** How long a producer waits for its answer before it hears 503. Ms. */
const ACCEPT_WITHIN_MS = 3_000
/** Events that come closer together than this are written together; the first after a pause goes at once. Ms. */
const ACCEPT_PACE_MS = 4
/** Configuration and reads share it; ingestion needs none. */
const POOL_SIZE = 10

/** Makes everything that features stand on and opens nothing yet. */
export function createInfrastructure(config: ApiConfig, logger: Logger): Infrastructure {
  const kafka = new KafkaConnection({ ...config.kafka, clientId: 'webhooks-api' }, logger)
  return {
    config,
    logger,
    registry: createRegistry('api'),
    tracing: createTracing(),
    topics: new TopicMap(config.topics),
    kafka,
    producer: new BatchingProducer(kafka, { idempotent: true, deadlineMs: ACCEPT_WITHIN_MS, paceMs: ACCEPT_PACE_MS }),
    database: new Database({
      url: config.databaseUrl,
      applicationName: 'webhooks-api',
      poolSize: POOL_SIZE,
      onIdleError: (error) => logger.debug({ err: error }, 'an idle database connection broke'),
    }),
    keyRing: parseKeyRing(config.secretsKey),
    egressPolicy: egressPolicy(config.egress),
  }
}
