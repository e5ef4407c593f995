import { DataSource } from 'typeorm'
import { Account } from './entities/account.js'
import { ApiKey } from './entities/api-key.js'
import { OutboxEntry } from './entities/outbox-entry.js'
import { Webhook } from './entities/webhook.js'
import { WebhookSecret } from './entities/webhook-secret.js'
import { migrations } from './migrations/index.js'

export interface OrmSettings {
  url: string
  applicationName: string
  poolSize: number
  /** What pg itself takes: time-outs, keep-alive. */
  driver: Record<string, unknown>
  onIdleError: (error: unknown) => void
}

/**
 * TypeORM for the configuration tables, where there are few rows and many shapes of change. The read models, written
 * by the thousand, are plain SQL. The schema is made by migrations alone, never synchronised from entities.
 */
export function createDataSource(settings: OrmSettings): DataSource {
  return new DataSource({
    type: 'postgres',
    url: settings.url,
    applicationName: settings.applicationName,
    poolSize: settings.poolSize,
    extra: settings.driver,
    poolErrorHandler: settings.onIdleError,
    entities: [Account, ApiKey, Webhook, WebhookSecret, OutboxEntry],
    migrations,
    migrationsTableName: 'migrations',
    synchronize: false,
    installExtensions: false,
    logging: false,
  })
}
