import { EnvironmentReader, type Environment } from './environment.js'
import { type PipelineConfig, readPipelineConfig } from './pipeline-config.js'
import { named } from './variables.js'

/** For commands that talk to Postgres alone: nothing else needs to be set. @throws {ConfigurationProblems} */
export function readDatabaseUrl(environment: Environment = process.env): string {
  const reader = new EnvironmentReader(environment)
  const databaseUrl = reader.required(named('DATABASE_URL'))
  reader.done()
  return databaseUrl
}

/** For commands on the sealed secrets: the database, and the keys. @throws {ConfigurationProblems} */
export function readSecretsConfig(environment: Environment = process.env): { databaseUrl: string; secretsKey: string } {
  const reader = new EnvironmentReader(environment)
  const config = {
    databaseUrl: reader.required(named('DATABASE_URL')),
    secretsKey: reader.required(named('SECRETS_KEY')),
  }
  reader.done()
  return config
}

/** For commands that talk to Kafka, too. @throws {ConfigurationProblems} */
export function readAdminConfig(environment: Environment = process.env): PipelineConfig {
  const reader = new EnvironmentReader(environment)
  // A command listens on no port; the number is not used.
  const config = readPipelineConfig(reader, 0)
  reader.done()
  return config
}
