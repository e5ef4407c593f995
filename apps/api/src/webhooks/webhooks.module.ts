import { Module, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common'
import { Database, OutboxStore, SecretStore, WebhookStore } from '#postgres'
import { NotificationsModule } from '../notifications/notifications.module.js'
import { ConfigurationTurns } from './configuration-turns.js'
import { OutboxRelay } from './outbox-relay.js'
import { SecretRotation } from './secret-rotation.js'
import { SecretsController } from './secrets.controller.js'
import { TestSend } from './test-send.js'
import { TestSendController } from './test-send.controller.js'
import { WebhookChangesTopic } from './webhook-changes-topic.js'
import { WebhookConfiguration } from './webhook-configuration.js'
import { WebhooksController } from './webhooks.controller.js'

@Module({
  imports: [NotificationsModule],
  controllers: [WebhooksController, SecretsController, TestSendController],
  providers: [
    { provide: WebhookStore, useFactory: (database: Database) => new WebhookStore(database), inject: [Database] },
    { provide: OutboxStore, useFactory: (database: Database) => new OutboxStore(database), inject: [Database] },
    { provide: SecretStore, useFactory: (database: Database) => new SecretStore(database), inject: [Database] },
    WebhookChangesTopic,
    OutboxRelay,
    ConfigurationTurns,
    WebhookConfiguration,
    SecretRotation,
    TestSend,
  ],
  exports: [OutboxRelay],
})
export class WebhooksModule implements OnApplicationBootstrap, OnApplicationShutdown {
  constructor(
    private readonly changes: WebhookChangesTopic,
    private readonly relay: OutboxRelay,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    await this.changes.start()
    this.relay.start()
  }

  /** Nest calls this when the last request has been answered: until then writes wait for the relay. */
  async onApplicationShutdown(): Promise<void> {
    await this.relay.stop()
    await this.changes.close()
  }
}
