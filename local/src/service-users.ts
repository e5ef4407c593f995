import { createHmac } from 'node:crypto'
import pg from 'pg'

/** The two services that only read, each with the role that `admin migrate` made for it. */
export interface ReaderRoles {
  fanout: string
  dispatcher: string
}

/**
 * Gives fan-out and the dispatcher users of their own, so that a service on this machine may do what it may do in
 * production and nothing more. Can be repeated: the passwords derive from the owner's and stay the same.
 *
 * @param ownerUrl of a user who may create roles
 * @returns their URLs of the same database
 */
export async function createServiceUsers(ownerUrl: string, roles: ReaderRoles): Promise<ReaderRoles> {
  const client = new pg.Client({ connectionString: ownerUrl })
  await client.connect()
  try {
    return {
      fanout: await createUser(client, ownerUrl, roles.fanout),
      dispatcher: await createUser(client, ownerUrl, roles.dispatcher),
    }
  } finally {
    await client.end()
  }
}

async function createUser(client: pg.Client, ownerUrl: string, role: string): Promise<string> {
  const url = new URL(ownerUrl)
  const user = `${role}_user`
  const password = createHmac('sha256', url.password).update(user).digest('base64url')
  const { rowCount } = await client.query('select 1 from pg_roles where rolname = $1', [user])
  await client.query(`${rowCount ? 'alter' : 'create'} role "${user}" login password '${password}'`)
  await client.query(`grant "${role}" to "${user}"`)
  return Object.assign(url, { username: user, password }).href
}
