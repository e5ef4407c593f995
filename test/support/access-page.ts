import { RetrySchedule } from '#domain'
import { KAFKA_USERS, type KafkaUser, type Permission, TopicMap, permissionsOf } from '#topics'
import { GRANTS } from '../../libs/postgres/src/roles/grants.js'

const topics = new TopicMap({
  prefix: '',
  schedule: RetrySchedule.parse('10s,1m,6m,36m,3h36m'),
  eventRetentionMs: 1,
  deliveryRetentionMs: 1,
  deliveryMaxAgeMs: 1,
})

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

The users that log in, and their passwords, are yours. For a database \`webhooks\`, the last two after \`admin migrate\`:

\`\`\`sql
create role webhooks_api login password '…';
create database webhooks owner webhooks_api;
create role webhooks_fanout_user login password '…' in role webhooks_fanout;
create role webhooks_dispatcher_user login password '…' in role webhooks_dispatcher;
\`\`\`

The API and the setup job log in as the same user: it owns the tables, and makes and drops their partitions. When that
user may not create roles, \`admin migrate\` changes nothing, and says which two statements somebody else must run first:

\`\`\`sql
create role webhooks_fanout nologin;
create role webhooks_dispatcher nologin;
\`\`\`

A database that came from a dump, or got another name, has no roles until \`admin migrate\` ran once more. On a server that
was upgraded from Postgres 14 or older also \`revoke create on schema public from public\`: there anybody may make tables.

With TLS: \`?sslmode=verify-full&sslrootcert=/path/to/ca.pem\` at the end of \`DATABASE_URL\`. \`require\`, \`prefer\` and
\`verify-ca\` verify just as strictly here, other than in \`psql\`; \`no-verify\` does not verify at all, and without \`sslmode\`
nothing is encrypted.

## Kafka

With \`KAFKA_SSL\` or \`KAFKA_SSL_CA_FILE\` the brokers' certificates are verified, names included; with
\`KAFKA_SASL_MECHANISM\` each process logs in as \`KAFKA_SASL_USERNAME\`. A broker that denies what nobody was granted
(\`authorizer.class.name\`) needs these entries; \`*\` ends a name that only begins so. Put \`KAFKA_TOPIC_PREFIX\` before
every name.

<!-- prettier-ignore-start -->
${aclTable()}<!-- prettier-ignore-end -->

The same for \`kafka-acls.sh --bootstrap-server … --add\`, one line each:

\`\`\`
${KAFKA_USERS.flatMap((user) => permissionsOf(user, topics).map((each) => aclLine(user, each))).join('\n')}
\`\`\`

\`setup\` is who runs \`admin create-topics\`; the other \`admin\` commands run as \`api\`. A service that lacks the entry for its
group says no more than that it does not find the group's coordinator.
`

function grantsTable(): string {
  const rows = Object.entries(GRANTS).flatMap(([reader, tables]) =>
    Object.entries(tables).map(([table, columns]) => `| ${reader} | \`${table}\` | ${columns.map(code).join(', ')} |`),
  )
  return ['| service | table | reads |', '|---|---|---|', ...rows, ''].join('\n')
}

function aclTable(): string {
  const rows = KAFKA_USERS.flatMap((user) =>
    permissionsOf(user, topics).map(
      ({ resource, name, isPrefix, operations }) =>
        `| ${user} | ${resource} ${code(name + (isPrefix ? '*' : ''))} | ${operations.join(', ').replaceAll('_', ' ')} |`,
    ),
  )
  return ['| user | on | may |', '|---|---|---|', ...rows, ''].join('\n')
}

function aclLine(user: KafkaUser, { resource, name, isPrefix, operations }: Permission): string {
  const may = operations.map((operation) => `--operation ${asTheToolSays(operation)}`).join(' ')
  const pattern = isPrefix ? ' --resource-pattern-type prefixed' : ''
  return `--allow-principal User:${user} ${may} --${resource} ${name}${pattern}`
}

/** `describe_configs` is `DescribeConfigs` to `kafka-acls.sh`. */
function asTheToolSays(operation: string): string {
  return operation.replaceAll(/(?:^|_)([a-z])/g, (_, letter: string) => letter.toUpperCase())
}

function code(text: string): string {
  return `\`${text}\``
}
