import pg from 'pg'

/** Makes an empty database beside the given one. @returns its URL */
export async function createDatabase(serverUrl: string, name: string): Promise<string> {
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

async function query<T extends pg.QueryResultRow>(url: string, sql: string): Promise<T[]> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return (await client.query<T>(sql)).rows
  } finally {
    await client.end()
  }
}
