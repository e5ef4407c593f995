import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Children } from './children.js'
import type { StartConsole } from './console.js'
import { kafkaJarsFolder } from './kafka-jars.js'
import { KafkaServer } from './kafka-server.js'
import type { LocalFolder } from './local-folder.js'
import { PostgresServer } from './postgres-server.js'

interface Surroundings {
  folder: LocalFolder
  out: StartConsole
}

/** The stack's own broker, unless KAFKA_BROKERS points at another. */
export async function startKafka(port: number, { folder, out }: Surroundings, children: Children): Promise<void> {
  if (process.env.KAFKA_BROKERS) return out.line(`  – Kafka is yours: ${process.env.KAFKA_BROKERS}`)
  if (!existsSync(kafkaJarsFolder())) out.line('  … fetching Kafka, this once (43 MB)')
  const options = { dataDir: folder.kafkaData, port, logFile: join(folder.logs, 'kafka.log') }
  const kafka = await out.step(() => `Kafka on 127.0.0.1:${port}`, KafkaServer.start(options))
  await children.add('kafka', kafka)
}

/** The stack's own database, unless DATABASE_URL points at another. @returns its URL */
export async function startPostgres(port: number, { folder, out }: Surroundings, children: Children): Promise<string> {
  if (process.env.DATABASE_URL) {
    out.line('  – Postgres is yours: DATABASE_URL')
    return process.env.DATABASE_URL
  }
  const options = { dataDir: folder.postgresData, port, logFile: join(folder.logs, 'postgres.log') }
  const postgres = await out.step(() => `Postgres on 127.0.0.1:${port}`, PostgresServer.start(options))
  await children.add('postgres', postgres)
  return postgres.databaseUrl
}
