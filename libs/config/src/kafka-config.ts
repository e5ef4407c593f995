import type { EnvironmentReader } from './environment.js'
import { named } from './variables.js'

export interface KafkaConfig {
  brokers: string[]
  /** `ca` is PEM. */
  ssl?: true | { ca: string }
  sasl?: { mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512'; username: string; password: string }
}

export function readKafkaConfig(reader: EnvironmentReader): KafkaConfig {
  const brokers = reader.required(named('KAFKA_BROKERS'))
  const ca = reader.optional(named('KAFKA_SSL_CA_FILE'))
  const ssl = reader.required(named('KAFKA_SSL'))
  const sasl = readSasl(reader)
  return {
    brokers,
    ...(ca !== undefined ? { ssl: { ca } } : ssl && { ssl: true as const }),
    ...(sasl && { sasl }),
  }
}

function readSasl(reader: EnvironmentReader): KafkaConfig['sasl'] {
  if (reader.isSet('KAFKA_SASL_MECHANISM')) {
    return {
      mechanism: reader.required(named('KAFKA_SASL_MECHANISM')),
      username: reader.required(named('KAFKA_SASL_USERNAME')),
      password: reader.required(named('KAFKA_SASL_PASSWORD')),
    }
  }
  for (const name of ['KAFKA_SASL_USERNAME', 'KAFKA_SASL_PASSWORD'].filter((each) => reader.isSet(each))) {
    reader.problem(`${name} is set without KAFKA_SASL_MECHANISM: Kafka would not be told who asks`)
  }
  return undefined
}
