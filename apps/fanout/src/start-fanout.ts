import { setTimeout as pause } from 'node:timers/promises'
import type { INestMicroservice } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import type { FanoutConfig } from '#config'
import { BatchingProducer, KafkaBatchServer, KafkaConnection, TopicAdmin } from '#kafka'
import { Database, FannedOutEvents, WebhookSnapshot } from '#postgres'
import {
  ManagementServer,
  NestLogger,
  type RunningService,
  consumerHealth,
  createLogger,
  createRegistry,
  createTracing,
  endProcess,
  observeLag,
} from '#telemetry'
import { TopicMap } from '#topics'
import { FanOut } from './fan-out.js'
import { FanoutModule } from './fanout.module.js'
import { Subscriptions } from './subscriptions.js'
import { UnknownPast } from './unknown-past.js'

/** How long the round that runs at a stop gets. Ms. */
const DRAIN_MS = 7_000
/** What could not be written by then had its time: with the broker away the end comes all the same. Ms. */
const LAST_WRITES_MS = 1_000

/**
 * What is fanned out and not committed is fanned out again after a crash, and a dispatcher that was hit as well knows none
 * of it: a backlog of some hundred events, done within milliseconds, is not to wait for the timer.
 */
const COMMIT_AFTER_RECORDS = 100

/** Brings fan-out up: connections first, then the view of the webhooks, and only then events. */
export async function startFanout(config: FanoutConfig): Promise<RunningService> {
  const logger = createLogger({ service: 'fanout', level: config.logLevel })
  const registry = createRegistry('fanout')
  const tracing = createTracing()
  const topics = new TopicMap(config.topics)
  const connection = new KafkaConnection({ ...config.kafka, clientId: 'webhooks-fanout' }, logger)
  const producer = new BatchingProducer(connection, { idempotent: true })
  const database = new Database({ url: config.databaseUrl, applicationName: 'webhooks-fanout', poolSize: 2 })
  let app: INestMicroservice | undefined = undefined
  const server = new KafkaBatchServer({
    connection,
    groupId: `${config.topics.prefix}fanout`,
    assignment: 'spread',
    trackBeyondMark: true,
    settings: { commitAfterRecords: COMMIT_AFTER_RECORDS },
    subscriptions: [{ topic: topics.contextEvents, pattern: 'context-events' }],
    hooks: {
      onAssigned(partitions, _epoch, withUnknownPast) {
        app?.get(UnknownPast).takenOver(withUnknownPast, Date.now())
        app?.get(FanOut).takenOver(partitions)
      },
      onFatal: endProcess,
    },
  })
  const state = { started: false, draining: false }
  const health = consumerHealth(
    () => (state.started ? server.consumer : undefined),
    () => state.draining,
  )
  const management = new ManagementServer(registry, health)
  await management.listen(config.managementPort)
  observeLag(registry, server.consumer)

  const admin = new TopicAdmin(connection)
  await admin.awaitTopics([topics.contextEvents, topics.deliveries, topics.webhookChanges])
  await admin.close()
  await producer.start()
  app = await NestFactory.createMicroservice(
    FanoutModule.with({
      logger,
      registry,
      tracing,
      topics,
      connection,
      producer,
      snapshot: new WebhookSnapshot(database),
      fannedOut: new FannedOutEvents(database),
      eventRetentionMs: config.topics.eventRetentionMs,
    }),
    { strategy: server, logger: new NestLogger(logger) },
  )
  const running = app
  const subscriptions = app.get(Subscriptions)
  app.get(FanOut).attach(server.consumer)
  await subscriptions.start()
  await app.listen()
  state.started = true
  logger.info({ managementPort: config.managementPort, isTraced: tracing.isOn }, 'fan-out is ready')

  return {
    logger,
    async stop() {
      state.draining = true
      server.consumer.drain()
      const isIdle = running.get(FanOut).drain()
      // What a broker that is away keeps from being written is read again by the next owner.
      await Promise.race([isIdle, pause(DRAIN_MS)])
      await running.close()
      await producer.close(LAST_WRITES_MS)
      await subscriptions.stop()
      await database.close()
      await management.close()
    },
  }
}
