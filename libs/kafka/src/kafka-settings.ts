/** How to reach the brokers. `ssl: true` trusts the system's authorities; `ca` is one PEM text. */
export interface KafkaSettings {
  brokers: string[]
  clientId: string
  ssl?: { ca?: string } | true
  sasl?: { mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512'; username: string; password: string }
}

/** Where this library writes what an operator should know; a pino logger fits. */
export interface KafkaLog {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}
