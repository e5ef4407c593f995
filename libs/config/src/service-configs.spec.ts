import { expect, test } from 'vitest'
import { readAdminConfig, readDatabaseUrl } from './admin-config.js'
import { readApiConfig } from './api-config.js'
import { readDispatcherConfig } from './dispatcher-config.js'
import { anEnvironment, problemsOf } from './environment.testing.js'
import { readFanoutConfig } from './fanout-config.js'

const readers = [
  ['api', readApiConfig],
  ['fanout', readFanoutConfig],
  ['dispatcher', readDispatcherConfig],
] as const

test.each(readers)('%s starts with three variables and the documented defaults', (_, read) => {
  const { topics, kafka, logLevel } = read(anEnvironment())
  expect(kafka).toEqual({ brokers: ['kafka-1:9092', 'kafka-2:9092'] })
  const { schedule, ...rest } = topics
  expect(schedule.tiers.map(({ name }) => name)).toEqual(['10s', '1m', '6m', '36m', '3h36m'])
  expect(rest).toEqual({
    prefix: '',
    partitions: 12,
    replicationFactor: 3,
    eventRetentionMs: 30 * 86_400_000,
    deliveryRetentionMs: 30 * 86_400_000,
    deliveryMaxAgeMs: 86_400_000,
  })
  expect(logLevel).toBe('info')
})

test('each service has a management port of its own, so that all three can share a host', () => {
  expect(readers.map(([, read]) => read(anEnvironment()).managementPort)).toEqual([9464, 9465, 9466])
  expect(readers.map(([, read]) => read(anEnvironment({ MANAGEMENT_PORT: '9000' })).managementPort)).toEqual([
    9000, 9000, 9000,
  ])
})

test('the API and the dispatcher have defaults for what only they need', () => {
  const egress = { allowedCidrs: [], allowedPorts: '443,1024-65535', allowHttp: false }
  expect(readApiConfig(anEnvironment())).toMatchObject({ port: 3000, rateLimitPerKey: 100, egress, mail: {} })
  expect(readDispatcherConfig(anEnvironment())).toMatchObject({
    attemptTimeoutMs: 5_000,
    disable: { afterAttempts: 10, afterMs: 6 * 3_600_000 },
    egress,
  })
})

test('fan-out needs no key to the secrets and does not look at one', () => {
  const { SECRETS_KEY, ...rest } = anEnvironment()
  expect(JSON.stringify(readFanoutConfig({ ...rest, SECRETS_KEY }))).not.toContain(SECRETS_KEY)
  expect(problemsOf(() => readFanoutConfig(rest))).toEqual([])
  for (const read of [readApiConfig, readDispatcherConfig]) {
    expect(problemsOf(() => read(rest))).toEqual([expect.stringMatching(/^SECRETS_KEY is not set/)])
  }
})

test.each(readers)('%s tells every mistake at once', (_, read) => {
  const problems = problemsOf(() =>
    read({ KAFKA_PARTITIONS: 'twelve', RETRY_SCHEDULE: '10s,1m', KAFKA_SSL: 'yes', MANAGEMENT_PORT: '0' }),
  )
  for (const name of [
    'KAFKA_BROKERS',
    'KAFKA_SSL',
    'KAFKA_PARTITIONS',
    'RETRY_SCHEDULE',
    'DATABASE_URL',
    'MANAGEMENT_PORT',
  ]) {
    expect(
      problems.filter((problem) => problem.startsWith(name)),
      name,
    ).toHaveLength(1)
  }
})

test.each(readers)('%s refuses to expire deliveries before their last attempt', (_, read) => {
  const environment = anEnvironment({ RETRY_SCHEDULE: '10s,1m,6m,36m,24h', DELIVERY_MAX_AGE: '24h' })
  expect(problemsOf(() => read(environment))).toEqual([
    'DELIVERY_MAX_AGE: 1d is less than the sum of RETRY_SCHEDULE, 1d43m10s: ' +
      'deliveries would expire before their last attempt',
  ])
  expect(problemsOf(() => read({ ...environment, DELIVERY_MAX_AGE: '24h43m10s' }))).toEqual([])
})

test('values that would break the product are refused, each with what is allowed', () => {
  const environment = anEnvironment({
    KAFKA_PARTITIONS: '2001',
    KAFKA_REPLICATION_FACTOR: '16',
    RETRY_SCHEDULE: '1ms,1s,1s,1s,1s',
    EVENT_RETENTION: '0s',
    DELIVERY_RETENTION: '0s',
    ATTEMPT_TIMEOUT: '0s',
    DISABLE_AFTER_ATTEMPTS: '0',
    DISABLE_AFTER: '0s',
  })
  const ofAll = [
    'KAFKA_PARTITIONS: "2001" is not a whole number from 1 to 2000',
    'KAFKA_REPLICATION_FACTOR: "16" is not a whole number from 1 to 15',
    'RETRY_SCHEDULE: "1ms,1s,1s,1s,1s" has waits that are not from 10ms to 7d',
    expect.stringMatching(/^EVENT_RETENTION: "0s" is not a duration from 1s to /),
    expect.stringMatching(/^DELIVERY_RETENTION: "0s" is not a duration from 1s to /),
  ]
  const ofRule = [
    'DISABLE_AFTER_ATTEMPTS: "0" is not a whole number from 1 to 10000',
    'DISABLE_AFTER: "0s" is not a duration from 100ms to 365d',
  ]
  expect(problemsOf(() => readFanoutConfig(environment))).toEqual(ofAll)
  expect(problemsOf(() => readApiConfig(environment))).toEqual([...ofAll, ...ofRule])
  expect(problemsOf(() => readDispatcherConfig(environment))).toEqual([
    ...ofAll,
    'ATTEMPT_TIMEOUT: "0s" is not a duration from 100ms to 5s',
    ...ofRule,
  ])
})

test('a mail server needs a sender with an address', () => {
  const environment = anEnvironment({ SMTP_URL: 'smtps://webhooks:hunter2@mail.example.com' })
  expect(problemsOf(() => readApiConfig(environment))).toEqual([
    'MAIL_FROM is not set: a mail server needs to be told who writes',
  ])
  expect(problemsOf(() => readApiConfig({ ...environment, MAIL_FROM: 'nope' }))).toEqual([
    'MAIL_FROM: "nope" has no address: write it like webhooks@example.com or Webhooks <webhooks@example.com>',
  ])
  expect(problemsOf(() => readApiConfig({ ...environment, MAIL_FROM: 'Us <us@example.com>' }))).toEqual([])
})

test('a mail server that is none is told together with the sender that it lacks', () => {
  expect(problemsOf(() => readApiConfig(anEnvironment({ SMTP_URL: 'ftp://x' })))).toEqual([
    'SMTP_URL: not a mail server: write it like smtps://user:password@host or smtp://host:25',
    'MAIL_FROM is not set: a mail server needs to be told who writes',
  ])
})

test('the API needs two ports', () => {
  expect(problemsOf(() => readApiConfig(anEnvironment({ API_PORT: '9464' })))).toEqual([
    'API_PORT: 9464 is the management port, too: give each its own',
  ])
})

test('SASL needs a user and a password once a mechanism is named', () => {
  const environment = anEnvironment({ KAFKA_SASL_MECHANISM: 'scram-sha-512' })
  expect(problemsOf(() => readFanoutConfig(environment))).toEqual([
    expect.stringMatching(/^KAFKA_SASL_USERNAME is not set/),
    expect.stringMatching(/^KAFKA_SASL_PASSWORD is not set/),
  ])
  const complete = { ...environment, KAFKA_SASL_USERNAME: 'webhooks', KAFKA_SASL_PASSWORD: 'hunter2' }
  expect(readFanoutConfig(complete).kafka.sasl).toEqual({
    mechanism: 'scram-sha-512',
    username: 'webhooks',
    password: 'hunter2',
  })
})

test('SASL needs a mechanism once a user or a password is set', () => {
  const login = { KAFKA_SASL_USERNAME: 'webhooks', KAFKA_SASL_PASSWORD: 'hunter2' }
  expect(problemsOf(() => readFanoutConfig(anEnvironment(login)))).toEqual([
    'KAFKA_SASL_USERNAME is set without KAFKA_SASL_MECHANISM: Kafka would not be told who asks',
    'KAFKA_SASL_PASSWORD is set without KAFKA_SASL_MECHANISM: Kafka would not be told who asks',
  ])
  const wrong = anEnvironment({ KAFKA_SASL_MECHANISM: 'gssapi', KAFKA_SASL_USERNAME: 'webhooks' })
  expect(problemsOf(() => readFanoutConfig(wrong))).toEqual([
    'KAFKA_SASL_MECHANISM: "gssapi" is not one of plain, scram-sha-256, scram-sha-512',
    expect.stringMatching(/^KAFKA_SASL_PASSWORD is not set/),
  ])
})

test('TLS to Kafka is off, on, or on with an authority that can be read', () => {
  expect(readFanoutConfig(anEnvironment()).kafka).not.toHaveProperty('ssl')
  expect(readFanoutConfig(anEnvironment({ KAFKA_SSL: 'true' })).kafka.ssl).toBe(true)
  expect(problemsOf(() => readFanoutConfig(anEnvironment({ KAFKA_SSL_CA_FILE: '/nonexistent' })))).toEqual([
    'KAFKA_SSL_CA_FILE: cannot read /nonexistent: ENOENT',
  ])
})

test.each(readers)('%s never repeats a secret in what it complains about', (_, read) => {
  const environment = anEnvironment({
    DATABASE_URL: 'postgre://webhooks:hunter2@db',
    SECRETS_KEY: 'aHVudGVyMw==',
    KAFKA_SASL_MECHANISM: 'plain',
    KAFKA_SASL_PASSWORD: 'hunter4',
    SMTP_URL: 'smtp://hunter5@mail',
  })
  const problems = problemsOf(() => read(environment)).join('\n')
  expect(problems).toContain('DATABASE_URL')
  expect(problems).not.toMatch(/hunter|aHVudGVyMw/)
})

test('a command on the database alone needs only its URL, one on the log also the brokers', () => {
  const { DATABASE_URL, KAFKA_BROKERS } = anEnvironment()
  expect(readDatabaseUrl({ DATABASE_URL })).toBe(DATABASE_URL)
  expect(problemsOf(() => readDatabaseUrl({}))).toEqual([expect.stringMatching(/^DATABASE_URL is not set/)])
  expect(readAdminConfig({ DATABASE_URL, KAFKA_BROKERS }).kafka.brokers).toHaveLength(2)
  expect(problemsOf(() => readAdminConfig({ DATABASE_URL }))).toEqual([
    expect.stringMatching(/^KAFKA_BROKERS is not set/),
  ])
})
