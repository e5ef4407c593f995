import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { KafkaServer, PostgresServer } from '../../../local/src/index.js'
import { ageWriteAheadLog } from './own-database.js'

/** The broker and the database of a whole run, so that they are warm; each scenario gets topics and tables of its own. */
export class BenchServers {
  private constructor(
    readonly kafka: KafkaServer,
    readonly postgres: PostgresServer,
  ) {}

  /** @throws what the first of them to fail has said; the other one is stopped then */
  static async start(folder: string): Promise<BenchServers> {
    await mkdir(folder, { recursive: true })
    const starting = [
      KafkaServer.start({ dataDir: join(folder, 'kafka'), forLoad: true }),
      PostgresServer.start({ dataDir: join(folder, 'postgres') }),
    ] as const
    try {
      const [kafka, postgres] = await Promise.all(starting)
      await ageWriteAheadLog(postgres.databaseUrl)
      return new BenchServers(kafka, postgres)
    } catch (error) {
      for (const server of await Promise.allSettled(starting)) {
        if (server.status === 'fulfilled') await server.value.stop()
      }
      throw error
    }
  }

  async stop(): Promise<void> {
    await Promise.all([this.kafka.stop(), this.postgres.stop()])
  }
}
