import type { INestMicroservice } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import type { DispatcherConfig } from '#config'
import { EgressClient, egressPolicy, fileDescriptorLimit } from '#egress'
import {
  BatchingProducer,
  type DecoupledConsumer,
  KafkaBatchServer,
  KafkaConnection,
  LogReader,
  TopicAdmin,
} from '#kafka'
import { Database, EndedChains, RunningChains, StreakSnapshot, WebhookSnapshot } from '#postgres'
import { parseKeyRing } from '#signing'
import {
  type Logger,
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
import { TopicMap, partitionProblem } from '#topics'
import { Dispatch, MAX_IN_FLIGHT } from './lanes/dispatch.js'
import { Lanes } from './lanes/lanes.js'
import { DispatcherModule } from './dispatcher.module.js'
import { Intake } from './intake/intake.js'
import { KnownStreaks } from './past/known-streaks.js'
import { NewestChains } from './past/newest-chains.js'
import { UncommittedPast } from './past/uncommitted-past.js'
import { UnknownPast } from './past/unknown-past.js'
import { WebhooksToCall } from './webhooks/webhooks-to-call.js'

/** How long requests that are under way at a stop get, and what follows from them: one attempt and its writes. Ms. */
const DRAIN_MS = 7_000
/** What could not be written by then had its time: with the broker away the end comes all the same. Ms. */
const LAST_WRITES_MS = 1_000
/**
 * What follows from attempts is written together, so far apart: nobody waits for it, and at 500 deliveries/s a request
 * for each was a tenth of what a delivery cost. A crash repeats so much more. Ms.
 */
const WRITE_PACE_MS = 25
/** What is complete and not committed is repeated after a crash: a burst is not to wait for the timer. */
const COMMIT_AFTER_RECORDS = 100
/** Of what was left in the log: nothing else happens while a portion is decoded, and what fails is soon asked again. */
const LEFT_READING = { portionBytes: 512 * 1024, mostFailures: 3 }
const FORGET_IDLE_LANES_EVERY_MS = 60_000

/** Brings the dispatcher up: connections first, then the view of the webhooks, and only then deliveries. */
export async function startDispatcher(config: DispatcherConfig): Promise<RunningService> {
  const logger = createLogger({ service: 'dispatcher', level: config.logLevel })
  const registry = createRegistry('dispatcher')
  const tracing = createTracing()
  const topics = new TopicMap(config.topics)
  const state: { consumer?: DecoupledConsumer; draining: boolean } = { draining: false }
  const health = consumerHealth(
    () => state.consumer,
    () => state.draining,
  )
  const management = new ManagementServer(registry, health)
  // Before anything is waited for: who asks how it is would else take it for dead while Kafka is away.
  await management.listen(config.managementPort)
  const connection = new KafkaConnection({ ...config.kafka, clientId: 'webhooks-dispatcher' }, logger)
  const producer = new BatchingProducer(connection, {
    idempotent: true,
    maxBufferedBytes: 512 * 1024 * 1024,
    paceMs: WRITE_PACE_MS,
  })
  const logReader = new LogReader(connection, LEFT_READING)
  const database = new Database({ url: config.databaseUrl, applicationName: 'webhooks-dispatcher', poolSize: 2 })
  const client = createClient(config, logger)
  const tiers = await tiersToConsume(connection, topics)
  let app: INestMicroservice | undefined = undefined
  const server = new KafkaBatchServer({
    connection,
    groupId: `${config.topics.prefix}dispatcher`,
    assignment: 'together',
    trackBeyondMark: true,
    // A retry is due seconds or hours later, and a replay gives way to what is live.
    patientTopics: [...tiers, topics.replay],
    settings: { commitAfterRecords: COMMIT_AFTER_RECORDS },
    subscriptions: [
      { topic: topics.deliveries, pattern: 'deliveries' },
      ...tiers.map((topic) => ({ topic, pattern: 'deliveries.retry' })),
      { topic: topics.replay, pattern: 'deliveries.replay' },
    ],
    hooks: {
      async onAssigned(partitions, _epoch, withUnknownPast) {
        app?.get(UnknownPast).takenOver(withUnknownPast, Date.now())
        app?.get(UncommittedPast).takenOver(partitions.filter(({ topic }) => topic === topics.deliveries))
        const healthOf = (webhookId: string) => app?.get(Lanes).get(webhookId)?.health
        // Every partition waits for these, a second at most: a lane that is made before its streak comes begins at nothing.
        await Promise.all([app?.get(KnownStreaks).load(healthOf), app?.get(NewestChains).load()])
      },
      onLost(partitions) {
        app?.get(UnknownPast).lost(partitions)
        app?.get(Intake).dropLost()
      },
      beforeRejoin: async () => app?.get(Dispatch).pauseForHandOver(),
      onJoined: () => app?.get(Dispatch).resumeAfterHandOver(),
      onFatal: endProcess,
    },
  })
  observeLag(registry, server.consumer)

  await producer.start()
  app = await NestFactory.createMicroservice(
    DispatcherModule.with({
      logger,
      registry,
      tracing,
      topics,
      schedule: config.topics.schedule,
      connection,
      producer,
      logReader,
      snapshot: new WebhookSnapshot(database),
      streaks: new StreakSnapshot(database),
      endedChains: new EndedChains(database),
      runningChains: new RunningChains(database),
      client,
      keyRing: parseKeyRing(config.secretsKey),
      attemptTimeoutMs: config.attemptTimeoutMs,
      disableRule: config.disable,
      deliveryMaxAgeMs: config.topics.deliveryMaxAgeMs,
      deliveryRetentionMs: config.topics.deliveryRetentionMs,
    }),
    { strategy: server, logger: new NestLogger(logger) },
  )
  const intake = app.get(Intake)
  intake.attach(server.consumer)
  const webhooks = app.get(WebhooksToCall)
  const dispatch = app.get(Dispatch)
  const lanes = app.get(Lanes)
  await webhooks.start()
  await app.listen()
  const running = app
  const forgetting = setInterval(() => lanes.forgetIdle(), FORGET_IDLE_LANES_EVERY_MS)
  state.consumer = server.consumer
  logger.info({ managementPort: config.managementPort, tiers, isTraced: tracing.isOn }, 'the dispatcher is ready')

  return {
    logger,
    async stop() {
      state.draining = true
      clearInterval(forgetting)
      server.consumer.drain()
      intake.stop()
      const isDrained = await dispatch.drain(DRAIN_MS)
      if (!isDrained) logger.warn({}, 'requests or writes were still under way: they will be repeated')
      await running.close()
      await producer.close(isDrained ? undefined : LAST_WRITES_MS)
      logReader.close()
      await client.close()
      await webhooks.stop()
      await database.close()
      await management.close()
    },
  }
}

/**
 * The schedule's tiers, and those that an earlier schedule left behind: what waits there is attempted in its time.
 * @throws when the delivery topics differ in their partitions: a webhook would live in two processes
 */
async function tiersToConsume(connection: KafkaConnection, topics: TopicMap): Promise<string[]> {
  const admin = new TopicAdmin(connection)
  try {
    const written = [topics.deliveryLog, topics.deadLetter, topics.webhookChanges, topics.webhookCommands]
    await admin.awaitTopics([...topics.coPartitioned, ...written])
    const leftBehind = topics.leftBehindTiers(await admin.listTopics())
    const counts = await admin.partitionCounts([...topics.coPartitioned, ...leftBehind])
    const problem = partitionProblem(counts, connection.settings.brokers)
    if (problem) throw new Error(problem)
    return [...topics.tiers, ...leftBehind]
  } finally {
    await admin.close()
  }
}

function createClient(config: DispatcherConfig, logger: Logger): EgressClient {
  const { allowHttp, allowedCidrs, allowedPorts, ca } = config.egress
  if (allowHttp) logger.warn({}, 'EGRESS_ALLOW_HTTP is on: webhooks may be sent unencrypted. Not for production')
  if (allowedCidrs.length > 0)
    logger.warn({ allowedCidrs }, 'EGRESS_ALLOWED_CIDRS makes exceptions to the address policy')
  logger.info({ fileDescriptors: fileDescriptorLimit(), maxInFlight: MAX_IN_FLIGHT }, 'limits')
  return new EgressClient({
    policy: egressPolicy({ allowHttp, allowedCidrs, allowedPorts }),
    maxConnections: MAX_IN_FLIGHT,
    ...(ca !== undefined && { extraCaPem: ca }),
  })
}
