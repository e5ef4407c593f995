import type pg from 'pg'
import { LOCKS } from '../advisory-locks.js'
import type { Session } from '../database.js'
import { sqlState } from '../database-unavailable.js'
import { GRANTS } from './grants.js'
import { READERS, type Reader, roleName } from './role-names.js'

export type RoleNames = Record<Reader, string>

/** The user who migrates may not create roles. Nothing was changed; the message holds the statements for one who may. */
export class RolesMissing extends Error {
  constructor(user: string, missing: string[]) {
    const statements = missing.map((role) => `  create role ${quoted(role)} nologin;`)
    super(
      `The user ${user} may not create roles, and these are missing. Let somebody who may run this on the server, ` +
        `then migrate again:\n${statements.join('\n')}`,
    )
    this.name = 'RolesMissing'
  }
}

/** The group roles of this database, for granting to the users that fan-out and the dispatcher log in as. */
export async function roleNames(session: Session): Promise<RoleNames> {
  const [row] = await session.query<{ database: string }>('select current_database() as database')
  return namesFor(row!.database)
}

/** Makes the group roles that do not exist yet; one that somebody made before is taken as it is. @throws {RolesMissing} */
export async function ensureRoles(client: pg.Client): Promise<RoleNames> {
  const names = namesFor(await valueOf(client, 'current_database()'))
  const { rows } = await client.query<{ rolname: string }>('select rolname from pg_roles where rolname = any($1)', [
    Object.values(names),
  ])
  const missing = Object.values(names).filter((name) => !rows.some(({ rolname }) => rolname === name))
  try {
    for (const role of missing) await client.query(`create role ${quoted(role)} nologin`)
  } catch (error) {
    if (sqlState(error) === INSUFFICIENT_PRIVILEGE) {
      throw new RolesMissing(await valueOf(client, 'current_user'), missing)
    }
    throw error
  }
  return names
}

/**
 * Lets each role read what it needs and nothing else, whatever it was granted before. Done after every migration, not
 * as one: so it holds for later tables, and for a database that was restored where its roles did not exist.
 */
export async function grantReads(client: pg.Client, names: RoleNames): Promise<void> {
  await client.query('begin')
  try {
    // Tables are exchanged and partitions made by others under this lock.
    await client.query('select pg_advisory_xact_lock($1)', [LOCKS.partitions])
    const home = await valueOf(client, 'quote_ident(current_schema())')
    for (const reader of READERS) await grantTo(client, home, names[reader], GRANTS[reader])
    await client.query('commit')
  } catch (error) {
    await client.query('rollback').catch(() => undefined)
    throw error
  }
}

async function grantTo(
  client: pg.Client,
  home: string,
  role: string,
  wanted: Readonly<Record<string, readonly string[]>>,
): Promise<void> {
  const { rows: held } = await client.query<HeldPrivilege>(HELD, [home, role])
  const lines = Object.entries(wanted).flatMap(([table, columns]) =>
    columns.map((column) => lineOf({ table, column, privilege: 'SELECT' })),
  )
  if (sorted(held.map(lineOf)) === sorted(lines)) return
  for (const table of new Set(held.map(({ table }) => table))) {
    await client.query(`revoke all on ${home}.${quoted(table)} from ${quoted(role)}`)
  }
  await client.query(`grant usage on schema ${home} to ${quoted(role)}`)
  for (const [table, columns] of Object.entries(wanted)) {
    await client.query(`grant select (${columns.join(', ')}) on ${home}.${table} to ${quoted(role)}`)
  }
}

interface HeldPrivilege {
  table: string
  /** Null: on the whole table. */
  column: string | null
  privilege: string
}

const HELD = `
  select relname as "table", null as "column", privilege_type as privilege
  from pg_class cross join aclexplode(relacl) acl join pg_roles on pg_roles.oid = acl.grantee
  where relnamespace = $1::regnamespace and rolname = $2
  union all
  select relname, attname, privilege_type
  from pg_class join pg_attribute on attrelid = pg_class.oid
  cross join aclexplode(attacl) acl join pg_roles on pg_roles.oid = acl.grantee
  where relnamespace = $1::regnamespace and rolname = $2`

const INSUFFICIENT_PRIVILEGE = '42501'

function namesFor(database: string): RoleNames {
  return { fanout: roleName(database, 'fanout'), dispatcher: roleName(database, 'dispatcher') }
}

async function valueOf(client: pg.Client, expression: string): Promise<string> {
  const { rows } = await client.query<{ value: string }>(`select ${expression} as value`)
  return rows[0]!.value
}

function lineOf({ table, column, privilege }: HeldPrivilege): string {
  return `${privilege} ${table} ${column ?? '*'}`
}

function sorted(lines: string[]): string {
  return lines.toSorted().join('\n')
}

function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}
