import { readDatabaseUrl } from '#config'
import { Database } from '#postgres'

/** Runs a command's work on the database of DATABASE_URL and lets go of it. */
export async function withDatabase<T>(work: (database: Database) => Promise<T>, url = readDatabaseUrl()): Promise<T> {
  const database = new Database({ url, applicationName: 'webhooks-admin', poolSize: 2 })
  try {
    return await work(database)
  } finally {
    await database.close()
  }
}
