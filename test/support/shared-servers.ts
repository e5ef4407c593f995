import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'
import type {} from 'vitest'
import { KafkaServer, PostgresServer, removeWithUs } from '../../local/src/index.js'

declare module 'vitest' {
  interface ProvidedContext {
    /** For KAFKA_BROKERS: `inject('kafkaBrokers')`. */
    kafkaBrokers: string
    /** Of an empty database; make one of your own beside it. The user may create databases. */
    databaseUrl: string
  }
}

/** One Kafka and one Postgres for all integration tests; they end with the run, also when it is interrupted. */
export default async function startSharedServers(project: TestProject): Promise<() => Promise<void>> {
  const folder = await mkdtemp(join(tmpdir(), 'webhooks-test-'))
  removeWithUs(folder)
  const starting = [
    KafkaServer.start({ dataDir: join(folder, 'kafka') }),
    PostgresServer.start({ dataDir: join(folder, 'postgres') }),
  ] as const
  const stopAll = async (): Promise<void> => {
    for (const server of await Promise.allSettled(starting))
      if (server.status === 'fulfilled') await server.value.stop()
    await rm(folder, { recursive: true, force: true })
  }
  const [kafka, postgres] = await Promise.all(starting).catch(async (error: unknown) => {
    await stopAll()
    throw error
  })
  project.provide('kafkaBrokers', kafka.brokers)
  project.provide('databaseUrl', postgres.databaseUrl)

  return stopAll
}
