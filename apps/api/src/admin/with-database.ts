import { readDatabaseUrl } from '#config'
import { Database, DatabaseUnavailable } from '#postgres'

/**
 * Runs a command's work on the database of DATABASE_URL and lets go of it.
 *
 * @throws {DatabaseUnavailable} saying where Postgres should be and what to check
 */
export async function withDatabase<T>(work: (database: Database) => Promise<T>, url = readDatabaseUrl()): Promise<T> {
  const database = new Database({ url, applicationName: 'webhooks-admin', poolSize: 2 })
  try {
    // Some work waits for its turn without a limit: whether Postgres is there is asked before.
    await database.query('select 1')
    return await work(database)
  } catch (error) {
    if (!(error instanceof DatabaseUnavailable)) throw error
    const check = 'Check that it runs and that DATABASE_URL leads to it.'
    const words = `Postgres at ${addressOf(url)} does not answer: ${error.message}. ${check}`
    throw new DatabaseUnavailable(words, { cause: error })
  } finally {
    await database.close()
  }
}

/** host:port, without the credentials; the folder of the socket where there is no host. */
function addressOf(url: string): string {
  const { hostname, port, searchParams } = new URL(url)
  return `${hostname || searchParams.get('host') || 'localhost'}:${port || '5432'}`
}
