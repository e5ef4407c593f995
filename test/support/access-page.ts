import { GRANTS } from '../../libs/postgres/src/roles/grants.js'

/** docs/access.md, from what the code grants. */
export const accessPage = `# Who may do what

Each service has a user of its own in Postgres and in Kafka, and each user is granted what its service does and nothing
else. This page is generated from the code by \`npm run docs\`.

## Postgres

\`admin migrate\` makes two roles without a login, named after the database: \`<database>_fanout\` and
\`<database>_dispatcher\`. It grants them these columns, again after every migration, and takes back whatever else they
were granted on tables of the product. Neither may write anything.

<!-- prettier-ignore-start -->
${grantsTable()}<!-- prettier-ignore-end -->

The users that log in, and their passwords, are yours. For a database \`webhooks\`:

\`\`\`sql
create role webhooks_api login password '…';                                    -- then: create database webhooks owner webhooks_api
create role webhooks_fanout_user login password '…' in role webhooks_fanout;
create role webhooks_dispatcher_user login password '…' in role webhooks_dispatcher;
\`\`\`

The API and the setup job log in as the same user: it owns the tables, and makes and drops their partitions. When that
user may not create roles, \`admin migrate\` changes nothing, and says which two statements somebody else must run first:

\`\`\`sql
create role webhooks_fanout nologin;
create role webhooks_dispatcher nologin;
\`\`\`

A database that came from a dump, or got another name, has no roles until \`admin migrate\` ran once more.
`

function grantsTable(): string {
  const rows = Object.entries(GRANTS).flatMap(([reader, tables]) =>
    Object.entries(tables).map(([table, columns]) => `| ${reader} | \`${table}\` | ${columns.map(code).join(', ')} |`),
  )
  return ['| service | table | reads |', '|---|---|---|', ...rows, ''].join('\n')
}

function code(text: string): string {
  return `\`${text}\``
}
