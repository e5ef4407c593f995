import { DEFAULT_RETRY_SCHEDULE, RetrySchedule } from '#domain'
import type { Variable } from './environment.js'
import {
  addressBlocks,
  brokers,
  duration,
  flag,
  keyRing,
  oneOf,
  pemFile,
  port,
  portRanges,
  positiveInteger,
  postgresUrl,
  rate,
  text,
  topicPrefix,
} from './parsers.js'

/** Every variable that the product reads, in the order of the documentation. */
export const VARIABLES = {
  API_PORT: variable('Port of the HTTP API.', port, '3000'),
  MANAGEMENT_PORT: variable(
    'Port of /health and /metrics; each service has its own: 9464 api, 9465 fanout, 9466 dispatcher. `npm start` takes it as the first of three.',
    port,
  ),
  KAFKA_BROKERS: variable('Kafka bootstrap servers, host:port, separated by commas.', brokers),
  KAFKA_SSL: variable('Connect to Kafka over TLS.', flag, 'false'),
  KAFKA_SSL_CA_FILE: variable('Certificate authority of the brokers, a PEM file; implies KAFKA_SSL.', pemFile),
  KAFKA_SASL_MECHANISM: variable(
    'SASL mechanism; with it, KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD are needed.',
    oneOf('plain', 'scram-sha-256', 'scram-sha-512'),
  ),
  KAFKA_SASL_USERNAME: variable('SASL user.', text),
  KAFKA_SASL_PASSWORD: variable('SASL password.', text),
  KAFKA_TOPIC_PREFIX: variable(
    'Put before every topic and group name, so that environments can share a cluster.',
    topicPrefix,
    '',
  ),
  KAFKA_PARTITIONS: variable('Partitions of new topics; the count of existing ones wins.', positiveInteger, '12'),
  KAFKA_REPLICATION_FACTOR: variable('Replicas of new topics.', positiveInteger, '3'),
  DATABASE_URL: variable('Postgres, as postgres://user:password@host:5432/database.', postgresUrl),
  RETRY_SCHEDULE: variable(
    'The waits before the five retries: five durations, not decreasing.',
    (value) => RetrySchedule.parse(value),
    DEFAULT_RETRY_SCHEDULE,
  ),
  DELIVERY_MAX_AGE: variable(
    "How long deferred deliveries may go without any success before they expire; at least the schedule's sum.",
    duration,
    '24h',
  ),
  RATE_LIMIT_PER_KEY: variable(
    'Requests per API key and replica of the API, at once and per second; producer keys are unlimited.',
    rate,
    '100/s',
  ),
  TRUSTED_PROXIES: variable(
    'Load balancers before the API, CIDRs separated by commas: the client is who they name in X-Forwarded-For.',
    addressBlocks,
    '',
  ),
  ATTEMPT_TIMEOUT: variable('Limit of one whole attempt, from the resolver to the last byte wanted.', duration, '5s'),
  DISABLE_AFTER_ATTEMPTS: variable('Failures in a row before a webhook can be disabled.', positiveInteger, '10'),
  DISABLE_AFTER: variable('How long a webhook must have been failing before it can be disabled.', duration, '6h'),
  EGRESS_ALLOWED_CIDRS: variable(
    'Exceptions to the address policy, CIDRs separated by commas; `npm start` allows loopback where this is not set.',
    addressBlocks,
    '',
  ),
  EGRESS_ALLOWED_PORTS: variable('Ports that receivers may listen on.', portRanges, '443,1024-65535'),
  EGRESS_ALLOW_HTTP: variable('Accept http: URLs; for development and benchmarks only.', flag, 'false'),
  EGRESS_CA_FILE: variable('Extra certificate authorities for receivers, a PEM file.', pemFile),
  SECRETS_KEY: variable(
    'Seals the webhook secrets: 32 bytes in base64; several as id:base64, newest first, separated by commas.',
    keyRing,
  ),
  SMTP_URL: variable(
    'Mail server for notifications, as smtps://user:password@host; unset: mail is written to MAIL_DIR and logged.',
    text,
  ),
  MAIL_FROM: variable('Sender of notifications; needed with SMTP_URL.', text),
  MAIL_DIR: variable('Where mail becomes files while SMTP_URL is not set.', text, '.local/mail'),
  EVENT_RETENTION: variable('How long events are kept.', duration, '30d'),
  DELIVERY_RETENTION: variable('How long deliveries and attempts are kept.', duration, '30d'),
  LOG_LEVEL: variable('Least level that is logged.', oneOf('debug', 'info', 'warn', 'error'), 'info'),
}

export const NAMES = Object.keys(VARIABLES) as (keyof typeof VARIABLES)[]

type WithoutName<T> = Omit<Variable<T>, 'name'>

function variable<T>(describe: string, parse: (value: string) => T, fallback?: string): WithoutName<T> {
  return { describe, parse, ...(fallback !== undefined && { fallback }) }
}

type Parsed<K extends keyof typeof VARIABLES> = ReturnType<(typeof VARIABLES)[K]['parse']>

export function named<K extends keyof typeof VARIABLES>(name: K): Variable<Parsed<K>> {
  return { name, ...VARIABLES[name] } as Variable<Parsed<K>>
}
