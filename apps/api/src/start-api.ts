import type { Server } from 'node:http'
import { NestFactory } from '@nestjs/core'
import type { NestFastifyApplication } from '@nestjs/platform-fastify'
import type { FastifyInstance } from 'fastify'
import { type ApiConfig, readApiConfig } from '#config'
import { type Logger, ManagementServer, NestLogger, type RunningService, createLogger, runService } from '#telemetry'
import { ApiKeys } from './accounts/api-keys.js'
import { ApiModule } from './api.module.js'
import { batchRequest, deliveredEvent, deliveredOperationalEvent } from './events/event-schemas.js'
import { countRejectedEvents } from './events/rejected-events.js'
import { OpenConnections, closeHttp } from './http/close-http.js'
import { createHttpAdapter } from './http/http-adapter.js'
import { HTTP_LIMITS } from './http/http-limits.js'
import { limitConnections } from './http/limit-connections.js'
import { openApiDocument, serveOpenApi } from './http/open-api.js'
import { ProblemFilter } from './http/problem-filter.js'
import { observeRequests } from './http/request-observer.js'
import { ValidationPipe } from './http/validation-pipe.js'
import { createInfrastructure } from './infrastructure/create-infrastructure.js'
import type { Infrastructure } from './infrastructure/infrastructure.module.js'
import { KafkaReachability } from './infrastructure/kafka-reachability.js'
import { listenOrExplain } from './infrastructure/listen-or-explain.js'
import { Readiness } from './infrastructure/readiness.js'
import { rotateSecretRequest } from './webhooks/secrets.controller.js'
import { testSendRequest } from './webhooks/test-send.controller.js'
import { createWebhookRequest, updateWebhookRequest } from './webhooks/webhook-schemas.js'

export interface RunningApi extends RunningService {
  /** `http://127.0.0.1:<port>` */
  url: string
  app: NestFastifyApplication
}

export async function runApi(): Promise<void> {
  await runService(() => {
    const config = readApiConfig()
    return startApi(config, createLogger({ service: 'api', level: config.logLevel }))
  })
}

/**
 * Starts the whole service in this process. Kafka and Postgres need not be there yet: until they are, `/health/ready`
 * says what is missing.
 *
 * @throws {ConfigurationProblems}, or an Error that names the variable of a port in use
 */
export async function startApi(config: ApiConfig, logger: Logger): Promise<RunningApi> {
  if (config.egress.allowHttp) {
    logger.warn({}, 'EGRESS_ALLOW_HTTP is set: webhooks may be sent in the clear. Never in production.')
  }
  const parts = createInfrastructure(config, logger)
  const readiness = new Readiness(parts.database, logger)
  const management = new ManagementServer(parts.registry, readiness.checks)
  const ends: (() => Promise<void>)[] = [() => parts.database.close(), () => management.close()]
  const stop = async () => {
    readiness.draining()
    // Last opened, first closed: HTTP, then what its last requests needed, the database at the end.
    for (const end of ends.reverse().splice(0)) await end()
  }
  try {
    await listenOrExplain('MANAGEMENT_PORT', config.managementPort, () => management.listen(config.managementPort))
    await parts.database.connect()
    readiness.watchSchema()
    const { contextEvents, webhookChanges } = parts.topics
    const reachability = new KafkaReachability(parts.kafka, [contextEvents, webhookChanges], logger)
    ends.push(() => reachability.close())
    reachability.start()
    readiness.require(() => reachability.problem())
    ends.push(() => parts.producer.close())
    await parts.producer.start()
    const { app, connections } = await createApp(parts)
    ends.push(() => closeHttp(app, connections))
    readiness.require(() => (app.get(ApiKeys).isLoaded ? null : 'API keys have not been loaded yet'))
    await listenOrExplain('API_PORT', config.port, () => app.listen(config.port, '0.0.0.0'))
    readiness.started()
    const ports = { port: config.port, management_port: config.managementPort }
    logger.info({ ...ports, isTraced: parts.tracing.isOn }, 'api listens')
    return { logger, app, url: `http://127.0.0.1:${config.port}`, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

async function createApp(
  parts: Infrastructure,
): Promise<{ app: NestFastifyApplication; connections: OpenConnections }> {
  const adapter = createHttpAdapter(parts.config.trustedProxies)
  const instance = adapter.getInstance<FastifyInstance>()
  const server = instance.server as Server
  const connections = new OpenConnections(server)
  limitConnections(server, HTTP_LIMITS, parts.config.trustedProxies, parts.registry)
  observeRequests(instance, parts.registry, parts.logger)
  countRejectedEvents(instance, parts.registry)
  const app = await NestFactory.create<NestFastifyApplication>(ApiModule.with(parts), adapter, {
    logger: new NestLogger(parts.logger),
    bodyParser: false,
    abortOnError: false,
  })
  app.useGlobalFilters(new ProblemFilter(parts.logger))
  app.useGlobalPipes(new ValidationPipe())
  serveOpenApi(
    app,
    openApiDocument(app, {
      delivered: { event: deliveredEvent, operationalEvent: deliveredOperationalEvent },
      bodies: [batchRequest, createWebhookRequest, updateWebhookRequest, rotateSecretRequest, testSendRequest],
    }),
  )
  return { app, connections }
}
