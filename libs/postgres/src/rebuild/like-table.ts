import type { Session } from '../database.js'

/** A schema that SQL can name as it is. */
export type SchemaName = string

/**
 * Makes an empty table of the same name and shape in another schema: columns, partitioning, storage, indexes under
 * their own names, and who may read it. Partitions are not copied: they are made as rows come.
 */
export async function createTableLike(
  session: Session,
  from: SchemaName,
  to: SchemaName,
  table: string,
): Promise<void> {
  const [shape] = await session.query<{ partitioning: string | null; storage: string[] | null }>(
    `select pg_get_partkeydef(oid) as partitioning, reloptions as storage from pg_class where oid = $1::regclass`,
    [`${from}.${table}`],
  )
  const { partitioning, storage } = shape!
  await session.query(
    `create table ${to}.${table} (like ${from}.${table} including all excluding indexes)
     ${partitioning ? `partition by ${partitioning}` : ''} ${storage ? `with (${storage.join(', ')})` : ''}`,
  )
  await copyIndexes(session, from, to, table)
  await copyGrants(session, from, to, table)
}

/** Made from their definitions: copied along with the table they would get names that no migration knows. */
async function copyIndexes(session: Session, from: SchemaName, to: SchemaName, table: string): Promise<void> {
  const indexes = await session.query<{ name: string; definition: string; key: string | null }>(
    `select relname as name, pg_get_indexdef(indexrelid) as definition, pg_get_constraintdef(c.oid) as key
     from pg_index join pg_class on pg_class.oid = indexrelid
     left join pg_constraint c on c.conindid = indexrelid and c.conrelid = indrelid
     where indrelid = $1::regclass order by relname`,
    [`${from}.${table}`],
  )
  for (const { name, definition, key } of indexes) {
    const [start, end] = definition.split(/ ON (?:ONLY )?\S+ USING /, 2)
    await session.query(
      key ? `alter table ${to}.${table} add constraint ${name} ${key}` : `${start} on ${to}.${table} using ${end}`,
    )
  }
}

async function copyGrants(session: Session, from: SchemaName, to: SchemaName, table: string): Promise<void> {
  const grants = await session.query<{ privilege: string; columns: string; grantee: string }>(GRANTED, [
    `${from}.${table}`,
  ])
  for (const { privilege, columns, grantee } of grants) {
    await session.query(`grant ${privilege} ${columns} on ${to}.${table} to ${grantee}`)
  }
}

/** On the table, and on single columns of it, which is how the services read. */
const GRANTED = `
  select privilege_type as privilege, '' as columns, coalesce(quote_ident(rolname), 'public') as grantee
  from pg_class cross join aclexplode(relacl) as acl left join pg_roles on pg_roles.oid = acl.grantee
  where pg_class.oid = $1::regclass
  union all
  select privilege_type, format('(%s)', string_agg(quote_ident(attname), ', ')), coalesce(quote_ident(rolname), 'public')
  from pg_attribute cross join aclexplode(attacl) as acl left join pg_roles on pg_roles.oid = acl.grantee
  where attrelid = $1::regclass
  group by privilege_type, rolname`
