import pg from 'pg'

/**
 * Makes an empty database beside the given one. What the last one wrote is on disk before, and its segments of the log
 * are free again. @returns its URL
 */
export async function createDatabase(serverUrl: string, name: string): Promise<string> {
  await query(serverUrl, 'checkpoint')
  await query(serverUrl, `create database ${name}`)
  const url = new URL(serverUrl)
  url.pathname = `/${name}`
  return url.toString()
}

export async function dropDatabase(serverUrl: string, name: string): Promise<void> {
  await query(serverUrl, `drop database if exists ${name} with (force)`)
}

/** `18.4`, as the server says it. */
export async function postgresVersion(serverUrl: string): Promise<string> {
  const [row] = await query<{ server_version: string }>(serverUrl, 'show server_version')
  return row?.server_version ?? 'unknown'
}

const WAL_SEGMENTS = 40

/**
 * A new server makes each piece of its write-ahead log when it gets there: 16 MB of zeros and a wait for the disk. One
 * that has run for a day uses its old pieces again. So let it have some.
 */
export async function ageWriteAheadLog(serverUrl: string): Promise<void> {
  await query(serverUrl, `alter system set min_wal_size = '${WAL_SEGMENTS * 16}MB'`)
  await query(serverUrl, 'select pg_reload_conf()')
  for (let i = 0; i < WAL_SEGMENTS; i++) {
    await query(serverUrl, "select pg_logical_emit_message(false, 'bench', 'x')")
    await query(serverUrl, 'select pg_switch_wal()')
  }
  await query(serverUrl, 'checkpoint')
}

async function query<T extends pg.QueryResultRow>(url: string, sql: string): Promise<T[]> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return (await client.query<T>(sql)).rows
  } finally {
    await client.end()
  }
}
