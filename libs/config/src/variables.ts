import { DEFAULT_RETRY_SCHEDULE } from '#domain'
import type { Variable } from './environment.js'
import {
  addressBlocks,
  brokers,
  duration,
  durationBetween,
  flag,
  integerBetween,
  keyRing,
  mailSender,
  oneOf,
  pemFile,
  port,
  portRanges,
  postgresUrl,
  rate,
  retrySchedule,
  smtpUrl,
  text,
  topicPrefix,
} from './parsers.js'

/**
 * The promise to receivers: requests of an old owner and of the new one overlap for no longer at a hand-over. With its
 * writes it has room in the dispatcher's drain; one that has not is repeated at each stop.
 */
const LONGEST_ATTEMPT = '5s'
/** The shortest that a receiver nearby can answer in; of a shorter one all attempts fail, and receivers are blamed. */
const SHORTEST_ATTEMPT = '100ms'
/** Of each of some ten topics, three times: more is beyond what a cluster is made for. The count is there for good. */
const MOST_PARTITIONS = 2_000
/** More than a cluster has brokers, and topics cannot be created. */
const MOST_REPLICAS = 15
/** A webhook fails that often in the time allowed only where it gets much: of more, most would never be disabled. */
const MOST_FAILURES = 10_000
/** With none at all everything would be forgotten as it comes. The read models are dropped by whole days. */
const SHORTEST_RETENTION = '1s'
/** Times beyond what a date can hold could not be shown. */
const LONGEST_RETENTION = '36500d'
/** No success for so long, and nobody is there. With an endless one, the time of disabling could not be told. */
const LONGEST_FAILING = '365d'

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
  KAFKA_PARTITIONS: variable(
    `Partitions of new topics, at most ${MOST_PARTITIONS}; the count of existing ones wins.`,
    integerBetween(1, MOST_PARTITIONS),
    '12',
  ),
  KAFKA_REPLICATION_FACTOR: variable(
    `Replicas of new topics, at most ${MOST_REPLICAS}.`,
    integerBetween(1, MOST_REPLICAS),
    '3',
  ),
  DATABASE_URL: variable('Postgres, as postgres://user:password@host:5432/database.', postgresUrl),
  RETRY_SCHEDULE: variable(
    'The waits before the five retries: five durations from 10ms to 7d, not decreasing.',
    retrySchedule,
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
  ATTEMPT_TIMEOUT: variable(
    `Limit of one whole attempt, from the resolver to the last byte wanted; ${SHORTEST_ATTEMPT} to ${LONGEST_ATTEMPT}.`,
    durationBetween(SHORTEST_ATTEMPT, LONGEST_ATTEMPT),
    '5s',
  ),
  DISABLE_AFTER_ATTEMPTS: variable(
    `Failures in a row before a webhook can be disabled, at most ${MOST_FAILURES}.`,
    integerBetween(1, MOST_FAILURES),
    '10',
  ),
  DISABLE_AFTER: variable(
    `How long a webhook must have been failing before it can be disabled; 100ms to ${LONGEST_FAILING}.`,
    durationBetween('100ms', LONGEST_FAILING),
    '6h',
  ),
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
    smtpUrl,
  ),
  MAIL_FROM: variable('Sender of notifications, an address or Name <address>; needed with SMTP_URL.', mailSender),
  MAIL_DIR: variable('Where mail becomes files while SMTP_URL is not set.', text, '.local/mail'),
  EVENT_RETENTION: variable(
    `How long events are kept; at least ${SHORTEST_RETENTION}.`,
    durationBetween(SHORTEST_RETENTION, LONGEST_RETENTION),
    '30d',
  ),
  DELIVERY_RETENTION: variable(
    `How long deliveries and attempts are kept; at least ${SHORTEST_RETENTION}.`,
    durationBetween(SHORTEST_RETENTION, LONGEST_RETENTION),
    '30d',
  ),
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
